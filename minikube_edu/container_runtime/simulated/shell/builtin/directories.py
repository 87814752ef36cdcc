"""cd and pwd, which remember the path as it was walked, and bash's stack of directories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import reason

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Builtin, Shell


def _clean(path: str) -> str:
    """Without . and .., taken by their letters: a symbolic link is left the way it was entered."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/" + "/".join(parts)


async def cd(shell: Shell, argv: list[str]) -> int:
    words = argv[1:]
    physical = False
    while words and words[0] in ("-L", "-P", "-e", "--"):
        word = words.pop(0)
        if word == "--":
            break
        physical = word == "-P" if word != "-e" else physical
    if len(words) > 1 and shell.dialect.bash:
        await shell.complain("too many arguments", "cd")
        return 1
    shown = False
    target = words[0] if words else shell.variables.get("HOME")
    if target is None:
        if shell.dialect.bash:
            await shell.complain("HOME not set", "cd")
            return 1
        return 0
    if target == "-":
        target = shell.variables.get("OLDPWD")
        shown = True
        if not target:
            if shell.dialect.bash:
                await shell.complain("OLDPWD not set", "cd")
                return 1
            target = shell.variables.get("PWD") or "/"
    if target == "" and not shell.dialect.bash:
        target = "."
    return await go(shell, target, physical, shown)


async def go(shell: Shell, target: str, physical: bool = False, shown: bool = False, where: str = "cd") -> int:
    before = shell.variables.get("PWD") or shell.process.cwd
    path = target
    if not target.startswith(("/", "./", "../")) and target not in (".", ".."):
        for folder in (shell.variables.get("CDPATH") or "").split(":"):
            if folder and _is_directory(shell, f"{folder}/{target}"):
                path, shown = f"{folder}/{target}", True
                break
    full = path if path.startswith("/") else f"{before}/{path}"
    try:
        new = shell.process.realpath(full) if physical else _clean(full)
        shell.process.chdir(new if target else before)
    except OSError as error:
        await _failed(shell, target, reason(error), where)
        return 1 if shell.dialect.bash else 2
    shell.variables.set("OLDPWD", before)
    shell.variables.set("PWD", new if target else before)
    if shown:
        await shell.write(f"{new}\n")
    return 0


async def _failed(shell: Shell, target: str, words: str, where: str) -> None:
    if shell.dialect.bash:
        await shell.complain(f"{target}: {words}", where)
    elif shell.dialect.dash:
        await shell.complain(f"can't cd to {target}", where)
    else:
        await shell.complain(f"can't cd to {target}: {words}", where)


def _is_directory(shell: Shell, path: str) -> bool:
    import stat

    try:
        return stat.S_ISDIR(shell.process.stat(path).mode)
    except OSError:
        return False


async def pwd(shell: Shell, argv: list[str]) -> int:
    physical = "-P" in argv[1:]
    known = shell.variables.get("PWD")
    here = shell.process.realpath(".") if physical or not known or not known.startswith("/") else known
    await shell.write(f"{here}\n")
    return 0


async def pushd(shell: Shell, argv: list[str]) -> int:
    here = shell.variables.get("PWD") or shell.process.cwd
    word = argv[1] if len(argv) > 1 else None
    if word is None or (word[0] in "+-" and word[1:].isdigit()):
        stack = [here, *shell.directories]
        if len(stack) < 2:
            await shell.complain("no other directory", "pushd")
            return 1
        turn = 1 if word is None else int(word[1:]) if word[0] == "+" else len(stack) - 1 - int(word[1:])
        if not 0 <= turn < len(stack):
            await shell.complain(f"{word}: directory stack index out of range", "pushd")
            return 1
        stack = [stack[1], stack[0], *stack[2:]] if word is None else stack[turn:] + stack[:turn]
        if await go(shell, stack[0], where="pushd"):
            return 1
        shell.directories = stack[1:]
        return await dirs(shell, ["dirs"])
    if await go(shell, word, where="pushd"):
        return 1
    shell.directories.insert(0, here)
    return await dirs(shell, ["dirs"])


async def popd(shell: Shell, argv: list[str]) -> int:
    if not shell.directories:
        await shell.complain("directory stack empty", "popd")
        return 1
    if await go(shell, shell.directories[0], where="popd"):
        return 1
    shell.directories.pop(0)
    return await dirs(shell, ["dirs"])


async def dirs(shell: Shell, argv: list[str]) -> int:
    if "-c" in argv:
        shell.directories.clear()
        return 0
    stack = [shell.variables.get("PWD") or shell.process.cwd, *shell.directories]
    home = shell.variables.get("HOME")
    if home and "-l" not in argv:
        stack = ["~" + path[len(home) :] if path == home or path.startswith(home + "/") else path for path in stack]
    if "-v" in argv:
        await shell.write("".join(f"{number:>2}  {path}\n" for number, path in enumerate(stack)))
    else:
        await shell.write(("\n" if "-p" in argv else " ").join(stack) + "\n")
    return 0


POSIX: dict[str, Builtin] = {"cd": cd, "pwd": pwd}
BASH: dict[str, Builtin] = {"pushd": pushd, "popd": popd, "dirs": dirs}
