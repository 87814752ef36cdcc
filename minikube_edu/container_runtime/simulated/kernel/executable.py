"""Files that are programs: how a file in a container's file system names the program that it stands for.

They look like ELF binaries (`file`, `head -c4`), may be copied, moved and linked like any file, and carry the name of a
program, which the container's `program_of` finds. A multi-call binary (busybox) is one file with many links: its
program looks at `argv[0]`.
"""

from __future__ import annotations

MAGIC = b"\x7fELF\x02\x01\x01\x00minikube-edu:"


def executable(program: str) -> bytes:
    """The content of /bin/PROGRAM."""
    return MAGIC + program.encode() + b"\x00"


def program_named(content: bytes) -> str | None:
    """The name of the program behind a file; None when it is none of ours."""
    if not content.startswith(MAGIC):
        return None
    return content[len(MAGIC) :].split(b"\0", 1)[0].decode(errors="surrogateescape")


def interpreter(content: bytes) -> list[str] | None:
    """What `#!` says: the interpreter, and at most one argument."""
    if not content.startswith(b"#!"):
        return None
    line = content[2:].split(b"\n", 1)[0][:254].decode(errors="surrogateescape").strip()
    return line.split(None, 1) if line else None
