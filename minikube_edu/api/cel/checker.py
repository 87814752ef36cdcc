"""What type an expression has, and whether its names, fields and calls make sense.

Where a type is not known (`dyn`), anything goes; a call fits when any overload of its function fits. An environment
says which variables there are, and which struct types may be written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct, field

from minikube_edu.api.cel import functions
from minikube_edu.api.cel.syntax import (
    Call,
    CompileError,
    Expr,
    Ident,
    Issue,
    ListLiteral,
    Literal,
    Macro,
    MapLiteral,
    Select,
    StructLiteral,
)
from minikube_edu.api.cel.types import (
    BOOL,
    DYN,
    INT,
    NAMED,
    NULL,
    STRING,
    ObjectType,
    Type,
    is_variable,
    list_of,
    map_of,
    optional_of,
    shown,
)


class Environment(Struct, frozen=True):
    variables: Mapping[str, Type]
    structs: Mapping[str, Type] = field(default_factory=dict)
    any_struct: str = ""  # structs of this name, and below it, may be written (`Object`, `Object.spec`, …)

    def extended(self, **variables: Type) -> Environment:
        return Environment({**self.variables, **variables}, self.structs, self.any_struct)


class Checked(NamedTuple):
    tree: Expr
    type: Type
    types: dict[int, Type]  # of each node, by id()


def check(source: str, tree: Expr, environment: Environment) -> Checked:
    checker = _Checker(environment)
    found = checker.type_of(tree, {})
    if checker.issues:
        raise CompileError(source, checker.issues)
    return Checked(tree, found, checker.types)


_TYPE_NAMES = {**{name: each for name, each in NAMED.items() if name not in ("timestamp", "duration")}}
_TYPE_NAMES |= {"list": list_of(DYN), "map": map_of(DYN, DYN)}
Scope = Mapping[str, Type]


class _Checker:
    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.issues: list[Issue] = []
        self.types: dict[int, Type] = {}

    def fail(self, position: int, message: str) -> Type:
        self.issues.append(Issue(position, message))
        return DYN

    def type_of(self, tree: Expr, scope: Scope) -> Type:
        match tree:
            case Literal():
                found = NAMED[tree.kind]
            case Ident():
                found = self.ident(tree, scope)
            case Select():
                found = self.select(tree, scope)
            case Call():
                found = self.call(tree, scope)
            case Macro():
                found = self.macro(tree, scope)
            case ListLiteral():
                found = self.list_literal(tree, scope)
            case MapLiteral():
                found = self.map_literal(tree, scope)
            case StructLiteral():
                found = self.struct(tree, scope)
            case _:
                raise TypeError(tree)
        self.types[id(tree)] = found
        return found

    # ---- names and fields

    def lookup(self, name: str, scope: Scope) -> Type | None:
        if name in scope:
            return scope[name]
        return self.environment.variables.get(name)

    def ident(self, tree: Ident, scope: Scope) -> Type:
        name = tree.name
        if (found := self.lookup(name, scope)) is not None:
            return found
        if name in _TYPE_NAMES:
            return Type("type", (_TYPE_NAMES[name],))
        return self.fail(tree.position, f"undeclared reference to '{name}' (in container '')")

    def select(self, tree: Select, scope: Scope) -> Type:
        # A variable's name may hold dots: authorizer.requestResource.
        if not tree.optional and (name := qualified(tree)) and name.split(".")[0] not in scope:
            if (found := self.environment.variables.get(name)) is not None:
                return found
            if name in ("google.protobuf.Timestamp", "google.protobuf.Duration"):
                return Type("type", (Type(name),))
        operand = self.type_of(tree.operand, scope)
        if operand.name == "optional_type":
            inner = self.field(tree, operand.parameters[0])
            return inner if inner.name == "optional_type" else optional_of(inner)
        found = self.field(tree, operand)
        return optional_of(found) if tree.optional else found

    def field(self, tree: Select, operand: Type) -> Type:
        if isinstance(operand, ObjectType):
            if operand.fields is None:
                return DYN
            if tree.name not in operand.fields:
                return self.fail(tree.position, f"undefined field '{tree.name}'")
            return operand.fields[tree.name]
        if operand.name == "map":
            return operand.parameters[1]
        if operand == DYN or is_variable(operand):
            return DYN
        return self.fail(tree.position, f"type '{shown(operand)}' does not support field selection")

    # ---- calls

    def call(self, tree: Call, scope: Scope) -> Type:
        name, arguments, receiver = tree.function, list(tree.arguments), tree.target is not None
        if tree.target is not None:
            full = f"{qualified(tree.target)}.{name}"
            if full in functions.table() and self.lookup(full.split(".")[0], scope) is None:
                name, receiver = full, False
            else:
                arguments = [tree.target, *arguments]
        kinds = [self.type_of(argument, scope) for argument in arguments]
        overloads = functions.table().get(name)
        if overloads is None:
            return self.fail(tree.position, f"undeclared reference to '{name}' (in container '')")
        results = [
            result
            for overload in overloads
            if overload.receiver == receiver and (result := _applied(overload, kinds)) is not None
        ]
        if not results:
            said = ", ".join(map(shown, kinds[1:] if receiver else kinds))
            applied = f"{shown(kinds[0])}.({said})" if receiver else f"({said})"
            return self.fail(tree.position, f"found no matching overload for '{name}' applied to '{applied}'")
        return results[0] if all(result == results[0] for result in results) else DYN

    def macro(self, tree: Macro, scope: Scope) -> Type:
        if tree.target is None:  # has()
            self.type_of(tree.arguments[0], scope)
            return BOOL
        over = self.type_of(tree.target, scope)
        if tree.name in ("optMap", "optFlatMap"):
            inner = over.parameters[0] if over.name == "optional_type" else DYN
            found = self.type_of(tree.arguments[0], {**scope, tree.variables[0]: inner})
            return optional_of(found) if tree.name == "optMap" else found
        inner_scope = {**scope, **self.elements(tree, over)}
        kinds = [self.type_of(argument, inner_scope) for argument in tree.arguments]
        if tree.name in ("all", "exists", "exists_one", "existsOne"):
            if kinds[0] not in (BOOL, DYN):
                operator = {"all": "_&&_", "exists": "_||_"}.get(tree.name)
                first = f"(bool, {shown(kinds[0])})" if operator else f"({shown(kinds[0])}, int, int)"
                what = f"found no matching overload for '{operator or '_?_:_'}' applied to '{first}'"
                self.fail(tree.arguments[0].position, what)
            return BOOL
        item = over.parameters[0] if over.name == "list" else DYN
        match tree.name:
            case "filter" | "sortBy":
                return list_of(over.parameters[0]) if over.name in ("list", "map") else list_of(DYN)
            case "transformMap":
                key = over.parameters[0] if over.name == "map" else INT if over.name == "list" else DYN
                return map_of(key, kinds[-1])
            case "transformMapEntry":
                return kinds[-1]
        return list_of(kinds[-1] if kinds else item)

    def elements(self, tree: Macro, over: Type) -> dict[str, Type]:
        """The types of a comprehension's variables."""
        assert tree.target is not None
        names = tree.variables
        if over.name == "list":
            item = over.parameters[0]
            return {names[0]: item} if len(names) == 1 else {names[0]: INT, names[1]: item}
        if over.name == "map":
            return dict(zip(names, over.parameters, strict=False))
        if over != DYN:
            what = (
                f"expression of type '{shown(over)}' cannot be range of a comprehension (must be list, map, or dynamic)"
            )
            self.fail(tree.target.position, what)
        return dict.fromkeys(names, DYN)

    # ---- literals

    def list_literal(self, tree: ListLiteral, scope: Scope) -> Type:
        kinds = [self.type_of(item, scope) for item in tree.items]
        places = [item.position for item in tree.items]
        return list_of(self.common(kinds, places))

    def map_literal(self, tree: MapLiteral, scope: Scope) -> Type:
        keys = [self.type_of(key, scope) for key, _, _ in tree.entries]
        values = [self.type_of(value, scope) for _, value, _ in tree.entries]
        key = self.common(keys, [each.position for each, _, _ in tree.entries])
        return map_of(key, self.common(values, [each.position for _, each, _ in tree.entries]))

    def common(self, kinds: list[Type], places: list[int]) -> Type:
        """The type of all items; literals of mixed types are not allowed in Kubernetes."""
        known: Type | None = None
        for kind, place in zip(kinds, places, strict=True):
            if kind == DYN:
                continue
            if known is None:
                known = kind
            elif not _unify(known, kind, {}):
                self.fail(place, f"expected type '{shown(known)}' but found '{shown(kind)}'")
        return DYN if known is None or DYN in kinds else known

    def struct(self, tree: StructLiteral, scope: Scope) -> Type:
        top = self.environment.any_struct
        found: Type | None = self.environment.structs.get(tree.name)
        if found is None and top and (tree.name == top or tree.name.startswith(top + ".")):
            found = ObjectType(tree.name)
        if found is None:
            return self.fail(tree.position, f"undeclared reference to '{tree.name}' (in container '')")
        for name, value, colon in tree.fields:
            kind = self.type_of(value, scope)
            if not isinstance(found, ObjectType) or found.fields is None:
                continue
            if name not in found.fields:
                self.fail(colon, f"undefined field '{name}'")
            elif not _unify(found.fields[name], kind, {}):
                wanted = shown(found.fields[name])
                self.fail(colon, f"expected type of field '{name}' is '{wanted}' but provided type is '{shown(kind)}'")
        return found


def qualified(tree: Expr) -> str:
    """`a.b` of plain names; "" for anything else."""
    if isinstance(tree, Ident):
        return tree.name
    if isinstance(tree, Select) and (left := qualified(tree.operand)):
        return f"{left}.{tree.name}"
    return ""


def _applied(overload: functions.Overload, kinds: list[Type]) -> Type | None:
    """The result's type when the overload fits these arguments."""
    if len(kinds) != len(overload.arguments):
        return None
    bound: dict[str, Type] = {}
    if not all(_unify(wanted, kind, bound) for wanted, kind in zip(overload.arguments, kinds, strict=True)):
        return None
    return _substituted(overload.result, bound)


def _unify(wanted: Type, kind: Type, bound: dict[str, Type]) -> bool:
    if is_variable(wanted):
        before = bound.get(wanted.name)
        if before is None or before == DYN:
            bound[wanted.name] = kind
            return True
        if before == NULL and _nullable(kind):
            bound[wanted.name] = kind
            return True
        return _unify(before, kind, bound)
    if DYN in (wanted, kind) or (kind == NULL and _nullable(wanted)):
        return True
    if wanted.name != kind.name or len(wanted.parameters) != len(kind.parameters):
        return False
    return all(_unify(left, right, bound) for left, right in zip(wanted.parameters, kind.parameters, strict=True))


def _nullable(kind: Type) -> bool:
    return isinstance(kind, ObjectType) or kind.name.startswith("google.protobuf.") or kind.name == "optional_type"


def _substituted(result: Type, bound: dict[str, Type]) -> Type:
    if is_variable(result):
        return bound.get(result.name, DYN)
    if not result.parameters:
        return result
    return Type(result.name, tuple(_substituted(each, bound) for each in result.parameters))


__all__ = ["STRING", "Checked", "Environment", "check"]
