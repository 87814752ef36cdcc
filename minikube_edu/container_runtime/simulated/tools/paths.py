"""readlink, realpath, basename, dirname, pwd, which, whereis, stat, file: what a path is.

The file is long because these are many small tools about one question; each fits a screen.
"""

from __future__ import annotations

import os
import re

from minikube_edu.container_runtime.simulated.contract import FilesystemStat, Process, Stat, reason
from minikube_edu.container_runtime.simulated.tools import modes
from minikube_edu.container_runtime.simulated.tools.accounts import Names
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import encode


@program("readlink [-fnv] FILE...")
async def readlink(process: Process) -> int:
    arguments = parse(
        process,
        "fnvemqsz",
        {
            "canonicalize": "f",
            "canonicalize-existing": "e",
            "canonicalize-missing": "m",
            "no-newline": "n",
            "verbose": "v",
        },
    )
    if not arguments.operands:
        raise Complaint("missing operand", usage=True)
    code = 0
    for path in arguments.operands:
        try:
            if arguments.has("f", "e", "m"):
                target = canonical(process, path, arguments.last_of("f", "e", "m") or "f")
            else:
                target = process.readlink(path)
        except OSError as error:
            code = 1
            if arguments.has("v"):
                await process.complain(f"{path}: {reason(error)}")
            continue
        await process.print(target, end="" if arguments.has("n") else "\n")
    return code


def canonical(process: Process, path: str, how: str) -> str:
    """All of it must exist (e), all but the last part (f), or nothing of it (m)."""
    if how == "e":
        process.stat(path)
        return process.realpath(path)
    resolved = process.realpath(path)
    if how == "f":
        process.stat(os.path.dirname(resolved) or "/")
    return resolved


@program("realpath [-emsz] [--relative-to=DIR] FILE...")
async def realpath(process: Process) -> int:
    arguments = parse(
        process,
        "emsqz",
        {
            "canonicalize-existing": "e",
            "canonicalize-missing": "m",
            "no-symlinks": "s",
            "relative-to:": "to",
            "quiet": "q",
        },
    )
    if not arguments.operands:
        raise Complaint("missing operand", usage=True)
    code = 0
    how = arguments.last_of("e", "m") or "f"
    for path in arguments.operands:
        try:
            resolved = canonical(process, path, how)
            if arguments.has("s"):
                resolved = os.path.normpath(os.path.join(process.cwd, path))
            base = arguments.last("to")
            if base:
                resolved = os.path.relpath(resolved, process.realpath(base))
        except OSError as error:
            code = 1
            if not arguments.has("q"):
                await process.complain(f"{path}: {reason(error)}")
            continue
        await process.print(resolved)
    return code


@program("basename FILE [SUFFIX] | -a FILE... | -s SUFFIX FILE...")
async def basename(process: Process) -> int:
    arguments = parse(process, "as:z", {"multiple": "a", "suffix:": "s", "zero": "z"}, permute=False)
    operands = arguments.operands
    suffix = arguments.last("s") or ""
    if not operands:
        raise Complaint("missing operand", usage=True)
    if not arguments.has("a", "s"):
        if len(operands) > 2:
            raise Complaint(f"extra operand '{operands[2]}'", usage=True)
        suffix = operands.pop() if len(operands) == 2 else ""
    for path in operands:
        base = path.rstrip("/").rsplit("/", 1)[-1] or ("/" if path.startswith("/") else "")
        if suffix and base != suffix:
            base = base.removesuffix(suffix)
        await process.print(base, end="\0" if arguments.has("z") else "\n")
    return 0


@program("dirname FILE...")
async def dirname(process: Process) -> int:
    operands = parse(process, "z", {"zero": "z"}).operands
    if not operands:
        raise Complaint("missing operand", usage=True)
    for path in operands:
        head = path.rstrip("/").rpartition("/")
        await process.print((head[0].rstrip("/") or "/") if head[1] else ("/" if path.startswith("/") else "."))
    return 0


@program("pwd [-LP]")
async def pwd(process: Process) -> int:
    arguments = parse(process, "LP", {"logical": "L", "physical": "P"})
    logical = process.env.get("PWD", "")
    physical = process.realpath(process.cwd)
    use = arguments.has("L") and logical.startswith("/") and process.realpath(logical) == physical
    await process.print(logical if use else physical)
    return 0


def executables(process: Process, name: str) -> list[str]:
    folders = (
        [""]
        if "/" in name
        else process.env.get("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").split(":")
    )
    found = []
    for folder in folders:
        path = f"{folder.rstrip('/')}/{name}" if folder else name
        try:
            if modes.is_regular(process.stat(path).mode) and process.access(path, os.X_OK):
                found.append(path)
        except OSError:
            continue
    return found


@program("which [-a] COMMAND...")
async def which(process: Process) -> int:
    arguments = parse(process, "as")
    code = 0
    for name in arguments.operands:
        found = executables(process, name)
        if not found:
            code = 1
        for path in found if arguments.has("a") else found[:1]:
            await process.print(path)
    return code


@program("whereis [-bms] COMMAND...")
async def whereis(process: Process) -> int:
    for name in parse(process, "bmsu").operands:
        found = []
        for folder in (
            "/usr/bin",
            "/usr/sbin",
            "/bin",
            "/sbin",
            "/usr/local/bin",
            "/usr/local/sbin",
            "/etc",
            "/usr/lib",
        ):
            try:
                process.stat(f"{folder}/{name}")
                found.append(f"{folder}/{name}")
            except OSError:
                continue
        await process.print(f"{name}:" + "".join(f" {path}" for path in found))
    return 0


@program("stat [-ltf] [-c FORMAT] FILE...", version="GNU coreutils) 9.1")
async def stat(process: Process) -> int:
    arguments = parse(
        process, "c:fLt", {"format:": "c", "printf:": "printf", "file-system": "f", "dereference": "L", "terse": "t"}
    )
    if not arguments.operands:
        raise Complaint("missing operand", usage=True)
    names = await Names(process).load()
    layout, end = arguments.last("c"), "\n"
    if arguments.has("printf"):
        layout, end = escaped(arguments.last("printf") or ""), ""
    code = 0
    for path in arguments.operands:
        try:
            if arguments.has("f"):
                filesystem = process.statfs(path)
                text = of_filesystem(layout, path, filesystem) if layout else filesystem_report(path, filesystem)
            else:
                found = process.stat(path) if arguments.has("L") else process.lstat(path)
                target = process.readlink(path) if modes.is_link(found.mode) else ""
                if arguments.has("t"):
                    layout = "%n %s %b %f %u %g %D %i %h %t %T %X %Y %Z %W %o"
                text = filled(process, layout or report(found, is_busybox(process)), path, found, target, names)
        except OSError as error:
            words = f"can't stat '{path}'" if is_busybox(process) else f"cannot statx '{path}'"
            if arguments.has("f"):
                words = (
                    f"can't read file system information for '{path}'"
                    if is_busybox(process)
                    else (f"cannot read file system information for '{path}'")
                )
            await process.complain(f"{words}: {reason(error)}")
            code = 1
            continue
        await process.stdout.write(encode(text + end))
    return code


def escaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t", "\\": "\\"}.get(found[1], found[0]), text)


def report(found: Stat, busybox: bool) -> str:
    letter = modes.shown(found.mode)[0]
    device = "     Device type: %t,%T" if letter in "bc" else ""
    head = "  File: %N\n  Size: %-10s\tBlocks: %-10b IO Block: %-6o %F\n"
    where = "Device: %Dh/%dd\tInode: %-10i  Links: %h" if busybox else "Device: %Hd,%Ld\tInode: %-11i  Links: %h"
    mode = "\nAccess: (%04a/%10A)  Uid: (%5u/%8U)   Gid: (%5g/%8G)\n"
    times = "Access: %x\nModify: %y\nChange: %z" + ("" if busybox else "\n Birth: %w")
    return head + where + device + mode + times


def filled(process: Process, layout: str, path: str, found: Stat, target: str, names: Names) -> str:
    from minikube_edu.container_runtime.simulated.tools.date import formatted

    zone = process.env.get("TZ", "")
    words = modes.WORDS.get(found.mode & 0o170000, "regular file")
    if found.size == 0 and words == "regular file":
        words = "regular empty file"
    full = "%Y-%m-%d %H:%M:%S.%N %z"
    quote = "" if is_busybox(process) else "'" if "%N" in layout and not layout.startswith("  File") else ""
    shown_name = f"{quote}{path}{quote}" + (f" -> {quote}{target}{quote}" if target else "")

    def one(match: re.Match[str]) -> str:
        letter = match[2]
        blocks = -(-found.size // 4096) * 8 if not target else 0
        values = {
            "a": f"{found.mode & 0o7777:o}",
            "A": modes.shown(found.mode),
            "b": str(blocks),
            "B": "512",
            "d": str(found.device),
            "D": f"{found.device:x}",
            "f": f"{found.mode:x}",
            "F": words,
            "g": str(found.gid),
            "G": names.of_group(found.gid),
            "h": str(found.links),
            "i": str(found.inode),
            "n": path,
            "N": shown_name,
            "o": "4096",
            "s": str(found.size),
            "t": f"{found.rdev >> 8:x}",
            "T": f"{found.rdev & 255:x}",
            "u": str(found.uid),
            "U": names.of_user(found.uid),
            "x": formatted(full, found.atime, zone),
            "X": str(int(found.atime)),
            "y": formatted(full, found.mtime, zone),
            "Y": str(int(found.mtime)),
            "z": formatted(full, found.ctime, zone),
            "Z": str(int(found.ctime)),
            "w": formatted(full, found.ctime, zone),
            "W": str(int(found.ctime)),
            "m": "/",
            "%": "%",
            "Hd": str(found.device >> 8),
            "Ld": str(found.device & 255),
            "C": "?",
        }
        value = values.get(letter, match[0])
        flags = match[1]
        if flags.startswith("0") and value.isdigit():
            return value.rjust(int(flags), "0")
        return f"%{flags}s" % value if flags else value

    return re.sub(r"%(-?\d*)([HL]d|.)", one, layout)


def of_filesystem(layout: str, path: str, found: FilesystemStat) -> str:
    free = found.total_bytes - found.used_bytes
    values = {
        "a": str(free // 4096),
        "b": str(found.total_bytes // 4096),
        "f": str(free // 4096),
        "s": "4096",
        "S": "4096",
        "n": path,
        "T": found.type,
        "c": str(found.total_inodes),
        "d": str(found.total_inodes - found.used_inodes),
        "t": "794c7630" if found.type.startswith("overlay") else "1021994",
        "l": "255",
        "i": "0",
        "%": "%",
    }
    return re.sub("%(.)", lambda match: values.get(match[1], match[0]), layout)


def filesystem_report(path: str, found: FilesystemStat) -> str:
    kind = "overlayfs" if found.type == "overlay" else found.type
    lines = [
        f'  File: "{path}"',
        f"    ID: 0        Namelen: 255     Type: {kind}",
        "Block size: 4096       Fundamental block size: 4096",
        of_filesystem("Blocks: Total: %b    Free: %f    Available: %a", path, found),
        of_filesystem("Inodes: Total: %c    Free: %d", path, found),
    ]
    return "\n".join(lines)


MAGIC = [
    (b"\x7fELF", "ELF 64-bit LSB executable, x86-64"),
    (b"\x1f\x8b", "gzip compressed data"),
    (b"BZh", "bzip2 compressed data"),
    (b"\xfd7zXZ", "XZ compressed data"),
    (b"PK\x03\x04", "Zip archive data"),
    (b"\x89PNG", "PNG image data"),
    (b"\xff\xd8\xff", "JPEG image data"),
    (b"GIF8", "GIF image data"),
    (b"%PDF", "PDF document"),
    (b"SQLite format 3", "SQLite 3.x database"),
    (b"-----BEGIN CERTIFICATE", "PEM certificate"),
    (b"-----BEGIN RSA PRIVATE", "PEM RSA private key"),
    (b"-----BEGIN PRIVATE", "ASCII text"),
]


@program("file [-bL] FILE...", version="file-5.44")
async def file(process: Process) -> int:
    arguments = parse(process, "bLi", {"brief": "b", "dereference": "L", "mime-type": "i"})
    if not arguments.operands:
        raise Complaint("", usage=True)
    width = max(len(name) for name in arguments.operands) + 1
    for path in arguments.operands:
        words = await kind_of(process, path, arguments.has("L"))
        await process.print(words if arguments.has("b") else f"{path + ':':<{width}} {words}")
    return 0


async def kind_of(process: Process, path: str, follow: bool) -> str:
    try:
        found = process.stat(path) if follow else process.lstat(path)
    except OSError as error:
        return f"cannot open `{path}' ({reason(error)})"
    letter = modes.shown(found.mode)[0]
    if letter == "l":
        target = process.readlink(path)
        try:
            process.stat(path)
        except OSError:
            return f"broken symbolic link to {target}"
        return f"symbolic link to {target}"
    if letter != "-":
        return {
            "d": "directory",
            "p": "fifo (named pipe)",
            "s": "socket",
            "c": "character special",
            "b": "block special",
        }[letter]
    if found.size == 0:
        return "empty"
    opened = process.open(path)
    try:
        head = await opened.read(4096)
    finally:
        opened.release()
    for magic, words in MAGIC:
        if head.startswith(magic):
            return words
    if head[257:262] == b"ustar":
        return "POSIX tar archive (GNU)"
    if head.startswith(b"#!"):
        interpreter = head[2:].split(b"\n")[0].split()
        name = interpreter[0].rsplit(b"/", 1)[-1].decode(errors="replace") if interpreter else "sh"
        kind = {"sh": "POSIX shell script", "bash": "Bourne-Again shell script", "python3": "Python script"}.get(
            name, f"a {name} script"
        )
        return f"{kind}, ASCII text executable"
    if b"\0" in head:
        return "data"
    try:
        text = head.decode()
    except UnicodeDecodeError:
        return "ISO-8859 text" if found.size > 4 else "data"
    if text[:1] in "{[" and text.rstrip()[-1:] in "}]":
        return "JSON text data" if head.strip() else "ASCII text"
    kind = "ASCII text" if text.isascii() else "Unicode text, UTF-8 text"
    if "\r\n" in text:
        return f"{kind}, with CRLF line terminators"
    return kind if "\n" in text else f"{kind}, with no line terminators"
