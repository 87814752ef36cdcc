"""The command: options, the program, and its errors."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.awk.lexer import SyntaxFault, unescaped
from minikube_edu.container_runtime.simulated.tools.awk.parser import parse as parse_program
from minikube_edu.container_runtime.simulated.tools.awk.runtime import Runtime
from minikube_edu.container_runtime.simulated.tools.awk.values import Fatal, from_outside
from minikube_edu.container_runtime.simulated.tools.regular_expressions import BadPattern
from minikube_edu.container_runtime.simulated.tools.streams import decode


@program("awk [-F SEPARATOR] [-v VAR=VALUE]... {-f FILE | 'PROGRAM'} [FILE | VAR=VALUE]...", failure=2)
async def awk(process: Process) -> int:
    arguments = parse(
        process, "F:v:f:e:", {"field-separator:": "F", "assign:": "v", "file:": "f", "source:": "e"}, permute=False
    )
    operands = arguments.operands
    sources = []
    for name, value in arguments.options:
        if name == "e":
            sources.append(value)
        elif name == "f":
            try:
                data = b"".join(await process.lines()) if value == "-" else await process.read_file(value)
            except OSError as error:
                raise Complaint(f"can't open file {value}: {reason(error)}", 2) from None
            sources.append(decode(data))
    if not sources:
        if not operands:
            await process.stderr.write(b"usage: awk [-F fs][-v var=value][prog | -f progfile][file ...]\n")
            return 2
        sources.append(operands.pop(0))
    try:
        runtime = Runtime(process, parse_program("\n".join(sources)))
        for text in arguments.all("v"):
            name, equals, value = text.partition("=")
            if not equals or not name.isidentifier():
                raise Complaint(f"`{text}' argument to `-v' not in `var=value' form", 2)
            runtime.set_variable(name, from_outside(unescaped(value)))
        separator = arguments.last("F")
        if separator is not None:
            runtime.globals["FS"] = "\t" if separator == "t" else unescaped(separator)
        return await runtime.run(operands)
    except SyntaxFault as fault:
        raise Complaint(f"cmd. line:{fault.line}: {fault.words}", 1) from None
    except (Fatal, BadPattern) as fault:
        await runtime.streams.flush()
        raise Complaint(str(fault), 2) from None
