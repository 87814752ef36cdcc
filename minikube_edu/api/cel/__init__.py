"""CEL, the Common Expression Language, as admission policies and custom resources use it: what an expression may say.

`parser` reads an expression into the tree of `syntax`, `checker` finds its type against the functions of `functions`
and the variables that its place offers (`environments`), `cost` estimates what it may cost at worst. Messages are
those of the real compiler. Callers import this package inside functions: most servers never see an expression. The
evaluator works on the same tree.

    compile_expression("object.spec.replicas < 5", environment) -> Checked(tree, type)      raises CompileError
"""

from __future__ import annotations

from minikube_edu.api.cel.checker import Checked, Environment, check
from minikube_edu.api.cel.parser import parse
from minikube_edu.api.cel.syntax import CompileError

__all__ = ["Checked", "CompileError", "Environment", "compile_expression"]


def compile_expression(source: str, environment: Environment) -> Checked:
    """The tree of an expression, with all types found; CompileError has the real compiler's text."""
    return check(source, parse(source), environment)
