"""The process's own limits: umask, ulimit, times."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.shell.state import Builtin, Shell


async def umask(shell: Shell, argv: list[str]) -> int:
    words = argv[1:]
    symbolic = words[:1] == ["-S"]
    words = [word for word in words if word not in ("-S", "-p")]
    mask = shell.process.umask
    if not words:
        if symbolic:
            classes = [("u", 6), ("g", 3), ("o", 0)]
            parts = []
            for name, bits in classes:
                allowed = ~mask >> bits & 7
                parts.append(f"{name}=" + "".join(c for c, bit in (("r", 4), ("w", 2), ("x", 1)) if allowed & bit))
            await shell.write(",".join(parts) + "\n")
        else:
            await shell.write(f"{mask:04o}\n")
        return 0
    word = words[0]
    if re.fullmatch(r"[0-7]{1,4}", word):
        shell.process.umask = int(word, 8)
        return 0
    new = _symbolic_mask(word, mask)
    if new is None:
        if shell.dialect.bash:
            await shell.complain(f"{word}: octal number out of range", "umask")
            return 1
        await shell.complain(f"Illegal mode: {word}" if shell.dialect.dash else f"illegal mode: {word}", "umask")
        return 2
    shell.process.umask = new
    return 0


def _symbolic_mask(text: str, mask: int) -> int | None:
    """u=rwx,g-w"""
    allowed = ~mask & 0o777
    for clause in text.split(","):
        found = re.fullmatch(r"([ugoa]*)([-+=])([rwx]*)", clause)
        if found is None:
            return None
        bits = sum({"r": 4, "w": 2, "x": 1}[letter] for letter in set(found[3]))
        for who in "ugo" if not found[1] or "a" in found[1] else found[1]:
            shift = {"u": 6, "g": 3, "o": 0}[who]
            if found[2] == "=":
                allowed = allowed & ~(7 << shift) | bits << shift
            elif found[2] == "+":
                allowed |= bits << shift
            else:
                allowed &= ~(bits << shift)
    return ~allowed & 0o777


_LIMITS = {
    "c": ("core file size          (blocks, -c)", "0"),
    "d": ("data seg size           (kbytes, -d)", "unlimited"),
    "f": ("file size               (blocks, -f)", "unlimited"),
    "l": ("max locked memory       (kbytes, -l)", "8192"),
    "m": ("max memory size         (kbytes, -m)", "unlimited"),
    "n": ("open files                      (-n)", "1048576"),
    "s": ("stack size              (kbytes, -s)", "8192"),
    "t": ("cpu time               (seconds, -t)", "unlimited"),
    "u": ("max user processes              (-u)", "unlimited"),
    "v": ("virtual memory          (kbytes, -v)", "unlimited"),
}


async def ulimit(shell: Shell, argv: list[str]) -> int:
    """Limits are remembered and shown; nothing here uses them up."""
    letters = "".join(word[1:] for word in argv[1:] if word.startswith("-"))
    values = [word for word in argv[1:] if not word.startswith("-")]
    kept = shell.process.container.notes.setdefault("ulimit", {})
    assert isinstance(kept, dict)
    if "a" in letters:
        await shell.write("".join(f"{name} {kept.get(key, value)}\n" for key, (name, value) in _LIMITS.items()))
        return 0
    kinds = [letter for letter in letters if letter not in "HS"] or ["f"]
    for kind in kinds:
        if kind not in _LIMITS:
            from minikube_edu.container_runtime.simulated.shell.builtin.declaring import illegal_option

            return await illegal_option(shell, "ulimit", kind)
        if not values:
            await shell.write(f"{kept.get(kind, _LIMITS[kind][1])}\n")
        elif values[0] == "unlimited" or values[0].isdigit():
            kept[kind] = values[0]
        else:
            await shell.complain(f"{values[0]}: invalid number" if shell.dialect.bash else "bad number", "ulimit")
            return 1
    return 0


async def times(shell: Shell, argv: list[str]) -> int:
    own = shell.process.container.cpu_seconds(shell.process.pid)
    digits = 6 if shell.dialect.dash else 3
    minutes, seconds = divmod(own, 60)
    zero = f"0m{0:.{digits}f}s"
    await shell.write(f"{int(minutes)}m{seconds:.{digits}f}s {zero}\n{zero} {zero}\n")
    return 0


POSIX: dict[str, Builtin] = {"umask": umask, "ulimit": ulimit, "times": times}
