"""What a name is: type, command, builtin, hash; and help and history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.shell.builtin.declaring import function_text
from minikube_edu.container_runtime.simulated.shell.programs import find_program, start
from minikube_edu.container_runtime.simulated.shell.simple import SPECIAL

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Builtin, Shell

KEYWORDS = frozenset(
    [
        "if",
        "then",
        "else",
        "elif",
        "fi",
        "do",
        "done",
        "case",
        "esac",
        "while",
        "until",
        "for",
        "{",
        "}",
        "!",
        "in",
        "[[",
        "]]",
        "function",
        "select",
        "time",
        "coproc",
    ]
)
_NOT_IN_DASH = frozenset(["[[", "]]", "function", "select", "time", "coproc"])
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _is_keyword(shell: Shell, name: str) -> bool:
    if shell.dialect.bash:
        return name in KEYWORDS
    return name in KEYWORDS and (name not in _NOT_IN_DASH or (shell.dialect.busybox and name in ("function", "[[")))


def _program(shell: Shell, name: str, search: str | None = None) -> str | None:
    try:
        path = find_program(shell, name, search if search is not None else shell.variables.get("PATH") or "")
    except OSError:
        return None
    if path is not None and "/" in name and not shell.process.access(path, 1):
        return None
    return path


async def type_(shell: Shell, argv: list[str]) -> int:
    words, letters = argv[1:], ""
    while words and words[0].startswith("-") and shell.dialect.bash:
        letters += words.pop(0)[1:]
    code = 0
    for name in words:
        found = _kinds(shell, name, everything="a" in letters)
        if not found:
            code = 1 if shell.dialect.bash else 127
            if letters and set(letters) & set("tpP"):
                continue
            if shell.dialect.bash:
                await shell.complain(f"{name}: not found", "type")
            else:
                await shell.write(f"{name}: not found\n")
        for kind, text in found:
            if "t" in letters:
                await shell.write(f"{kind}\n")
            elif "p" in letters or "P" in letters:
                if kind == "file":
                    await shell.write(f"{text}\n")
            else:
                await shell.write(_sentence(shell, name, kind, text) + "\n")
    return code


def _kinds(shell: Shell, name: str, everything: bool = False) -> list[tuple[str, str]]:
    """(alias, keyword, function, builtin or file; its text), in the order of search."""
    found: list[tuple[str, str]] = []
    if _is_keyword(shell, name):
        found.append(("keyword", ""))
    if name in shell.aliases and (not shell.dialect.bash or shell.interactive or shell.shopt.get("expand_aliases")):
        found.append(("alias", shell.aliases[name]))
    if name in shell.functions:
        found.append(("function", function_text(shell.functions[name].source, name)))
    if name in shell.builtins:
        found.append(("builtin", ""))
    if (not found or everything) and (path := _program(shell, name)) is not None:
        found.append(("file", path))
    return found if everything else found[:1]


def _sentence(shell: Shell, name: str, kind: str, text: str) -> str:
    if kind == "alias":
        return f"{name} is aliased to `{text}'" if shell.dialect.bash else f"{name} is an alias for {text}"
    if kind == "keyword":
        return f"{name} is a shell keyword"
    if kind == "function":
        if shell.dialect.bash:
            return f"{name} is a function\n{text}"
        return f"{name} is a shell function" if shell.dialect.dash else f"{name} is a function"
    if kind == "builtin":
        special = "special " if name in SPECIAL and not shell.dialect.bash else ""
        return f"{name} is a {special}shell builtin"
    return f"{name} is {text}"


async def command(shell: Shell, argv: list[str]) -> int:
    words, letters = argv[1:], ""
    while words and words[0].startswith("-") and len(words[0]) > 1:
        option = words.pop(0)
        if option == "--":
            break
        letters += option[1:]
    if not words:
        return 0
    if "v" in letters or "V" in letters:
        return await _describe(shell, words, verbose="V" in letters)
    builtin = shell.builtins.get(words[0])
    if builtin is not None:
        from minikube_edu.container_runtime.simulated.shell.errors import Failure

        if shell.array_arguments:
            away = len(argv) - len(words)
            shell.array_arguments = {place - away: each for place, each in shell.array_arguments.items()}
        try:
            result = builtin(shell, words)
            return result if isinstance(result, int) else await result
        except Failure as failure:
            if words[0] not in SPECIAL:
                raise
            if failure.text:
                await shell.complain(failure.text)
            return failure.code or 2
    env = shell.variables.environment()
    if "p" in letters:
        env["PATH"] = DEFAULT_PATH
    return await start(shell, words, env, dict(shell.process.files), last=False)


async def _describe(shell: Shell, words: list[str], verbose: bool) -> int:
    code, any_found = 0, False
    for name in words if shell.dialect.bash or verbose else words[:1]:
        found = _kinds(shell, name)
        any_found = any_found or bool(found)
        if not found:
            code = 1 if shell.dialect.bash else 127
            if verbose:
                if shell.dialect.bash:
                    await shell.complain(f"{name}: not found", "command")
                else:
                    await shell.write(f"{name}: not found\n")
            continue
        kind, text = found[0]
        if verbose:
            await shell.write(_sentence(shell, name, kind, text) + "\n")
        elif kind == "alias":
            await shell.write(f"alias {name}='{text}'\n")
        else:
            await shell.write((text if kind == "file" else name) + "\n")
    return 0 if any_found and shell.dialect.bash else code


async def builtin(shell: Shell, argv: list[str]) -> int:
    if len(argv) < 2:
        return 0
    found = shell.builtins.get(argv[1])
    if found is None:
        await shell.complain(f"{argv[1]}: not a shell builtin", "builtin")
        return 1
    result = found(shell, argv[1:])
    return result if isinstance(result, int) else await result


async def hash_(shell: Shell, argv: list[str]) -> int:
    if argv[1:2] == ["-r"]:
        shell.hashed.clear()
        return 0
    if len(argv) == 1:
        if shell.dialect.bash and not shell.hashed:
            await shell.write_error("hash: hash table empty\n")
        for known in shell.hashed.values():
            await shell.write(f"{known}\n")
        return 0
    code = 0
    for name in argv[1:]:
        if name in shell.builtins or name in shell.functions:
            continue
        path = _program(shell, name)
        if path is None:
            await shell.complain(f"{name}: not found", "hash")
            code = 1
        elif "/" not in name:
            shell.hashed[name] = path
    return code


async def help_(shell: Shell, argv: list[str]) -> int:
    names = sorted(shell.builtins)
    if shell.dialect.bash:
        if len(argv) > 1:
            if argv[1] not in shell.builtins:
                await shell.complain(f"no help topics match `{argv[1]}'.  Try `help help' or `man -k {argv[1]}' or "
                                     f"`info {argv[1]}'.", "help")  # fmt: skip
                return 1
            await shell.write(f"{argv[1]}: a shell builtin\n")
            return 0
        await shell.write("These shell commands are defined internally:\n " + "\n ".join(names) + "\n")
        return 0
    await shell.write("Built-in commands:\n------------------\n")
    lines, line = [], "\t"
    for name in names:
        if len(line) + len(name) > 70:
            lines.append(line)
            line = "\t"
        line += name + " "
    await shell.write("\n".join([*lines, line]).replace(" \n", "\n").rstrip() + "\n")
    return 0


async def history(shell: Shell, argv: list[str]) -> int:
    if argv[1:2] == ["-c"]:
        shell.history.clear()
        return 0
    entries = list(enumerate(shell.history, 1))
    if len(argv) > 1 and argv[1].isdigit():
        entries = entries[-int(argv[1]) :] if int(argv[1]) else []
    await shell.write("".join(f"{number:>5}  {line}\n" for number, line in entries))
    return 0


POSIX: dict[str, Builtin] = {"type": type_, "command": command, "hash": hash_}
MORE: dict[str, Builtin] = {"help": help_, "history": history}
BASH: dict[str, Builtin] = {"builtin": builtin}
