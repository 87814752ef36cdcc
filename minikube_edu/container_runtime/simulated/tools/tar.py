"""tar: many files as one stream, as `kubectl cp` uses it (`tar cf - -C DIR NAME`, `tar xmf - -C DIR`).

The format's headers are the standard library's (tarfile.TarInfo); reading, writing and everything about files is done
here, with system calls, block by block. Member names are taken without a leading slash and never leave the target.

The file is long because reading and writing share the format; making, listing and extracting are a class each.
"""

from __future__ import annotations

import bz2
import fnmatch
import lzma
import tarfile
import zlib
from collections.abc import Callable
from typing import Protocol

from msgspec import Struct, field

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, Stat, reason
from minikube_edu.container_runtime.simulated.tools import modes
from minikube_edu.container_runtime.simulated.tools.accounts import Names
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.copying import make_parents
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, decode, encode

LONG = {
    "create": "c",
    "extract": "x",
    "get": "x",
    "list": "t",
    "append": "r",
    "file:": "f",
    "gzip": "z",
    "gunzip": "z",
    "bzip2": "j",
    "xz": "J",
    "auto-compress": "a",
    "directory:": "C",
    "exclude:": "exclude",
    "exclude-from:": "X",
    "files-from:": "T",
    "verbose": "v",
    "to-stdout": "O",
    "touch": "m",
    "same-permissions": "p",
    "preserve-permissions": "p",
    "keep-old-files": "k",
    "overwrite": "overwrite",
    "dereference": "h",
    "strip-components:": "strip",
    "no-same-owner": "o",
    "no-same-permissions": "np",
    "same-owner": "so",
    "numeric-owner": "no",
    "absolute-names": "P",
    "no-recursion": "nr",
    "wildcards": "wild",
    "warning:": "w",
    "owner:": "owner",
    "group:": "group",
    "mtime:": "mtime",
    "transform:": "tf",
    "sort:": "sort",
    "totals": "tot",
    "ignore-failed-read": "ifr",
    "format:": "format",
    "one-file-system": "ofs",
}


class Squeezer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class Writer(Struct):
    """The archive that is being written, squeezed on its way when asked."""

    process: Process
    file: OpenFile
    squeezer: Squeezer | None
    written: int = 0

    async def write(self, data: bytes) -> None:
        self.written += len(data)
        for start in range(0, len(data), BLOCK):
            piece = data[start : start + BLOCK]
            if self.squeezer is not None:
                piece = self.squeezer.compress(piece)
            if piece:
                await self.file.write(piece)
            await self.process.breathe()

    async def finish(self) -> None:
        await self.write(bytes(1024))
        if self.written % 10240:
            await self.write(bytes(10240 - self.written % 10240))
        if self.squeezer is not None:
            await self.file.write(self.squeezer.flush())


SIP = 1024  # packed bytes that are unpacked at once: they may hold a thousand times as much


class Reader(Struct):
    """The archive that is being read; compression is recognised by its first bytes."""

    process: Process
    file: OpenFile
    buffer: bytearray = field(default_factory=bytearray)
    expand: Callable[[bytes], bytes] | None = None
    begun: bool = False
    ended: bool = False

    async def fill(self) -> None:
        data = await self.file.read(BLOCK)
        await self.process.breathe()
        if not data:
            self.ended = True
            return
        if not self.begun:
            self.begun = True
            while len(data) < 6 and (more := await self.file.read(BLOCK)):
                data += more
            self.expand = expander(data)
        if self.expand is None:
            self.buffer += data
            return
        for start in range(0, len(data), SIP):
            self.buffer += self.expand(data[start : start + SIP])
            await self.process.breathe()

    async def take(self, count: int) -> bytes:
        while len(self.buffer) < count and not self.ended:
            await self.fill()
        data = bytes(self.buffer[:count])
        del self.buffer[:count]
        return data


def expander(head: bytes) -> Callable[[bytes], bytes] | None:
    """A function that unpacks a stream piece by piece, by the stream's first bytes."""
    if head.startswith(b"\x1f\x8b"):
        return Gunzip()
    if head.startswith(b"BZh"):
        return bz2.BZ2Decompressor().decompress
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor().decompress
    return None


class Gunzip:
    """Members one after another, as gzip allows."""

    def __init__(self) -> None:
        self.engine = zlib.decompressobj(31)

    def __call__(self, data: bytes) -> bytes:
        result = b""
        while data:
            result += self.engine.decompress(data)
            data = self.engine.unused_data
            if data:
                if not data.startswith(b"\x1f\x8b"):
                    break
                self.engine = zlib.decompressobj(31)
        return result


@program(
    "tar c|x|t [-ZzJjahmvokO] [-f TARFILE] [-C DIR] [-T FILE] [-X FILE] [FILE]...", failure=2, version="GNU tar) 1.34"
)
async def tar(process: Process) -> int:
    argv = process.argv[1:]
    if argv and not argv[0].startswith("-"):
        argv = bundled(argv)
    arguments = parse(process, "cxtrf:zjJaC:X:T:vOmpkhoPSUWlB:b:n", LONG, permute=True, argv=argv)
    mode = arguments.last_of("c", "x", "t", "r")
    if mode is None:
        raise Complaint("You must specify one of the '-Acdtrux', '--delete' or '--test-label' options", usage=True)
    archive = Archive(process, arguments)
    await archive.prepare()
    try:
        if mode in ("c", "r"):
            return await archive.create(argv)
        return await archive.read(mode == "x")
    except (EOFError, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
        raise Complaint(
            f"corrupted data: {error}" if is_busybox(process) else "Error is not recoverable: exiting now", 2
        ) from None


def bundled(argv: list[str]) -> list[str]:
    """`tar cfC out.tar /srv .`: letters without a dash, whose arguments follow in their order."""
    letters, rest = argv[0], argv[1:]
    words = []
    for letter in letters:
        words.append("-" + letter)
        if letter in "fCXTb" and rest:
            words.append(rest.pop(0))
    return words + rest


class Archive:
    def __init__(self, process: Process, arguments: Arguments) -> None:
        self.process, self.arguments = process, arguments
        self.has = arguments.has
        self.excluded = list(arguments.all("exclude"))
        self.names = Names(process)
        self.links: dict[tuple[int, int], str] = {}
        self.code = 0
        self.stripped = False
        self.own: tuple[int, int] | None = None  # the archive itself must not go into the archive

    async def prepare(self) -> None:
        await self.names.load()
        for path in self.arguments.all("X"):
            self.excluded += decode(await self.process.read_file(path)).split()

    async def talk(self, text: str) -> None:
        """-v: to stderr when the archive goes to stdout."""
        to_stderr = self.arguments.last("f") in ("-", None) and self.has("c")
        await (self.process.stderr if to_stderr else self.process.stdout).write(encode(text + "\n"))

    def is_excluded(self, path: str) -> bool:
        parts = path.strip("/").split("/")
        tails = ["/".join(parts[i:]) for i in range(len(parts))]
        return any(
            fnmatch.fnmatchcase(tail, glob.rstrip("/").removeprefix("./")) for glob in self.excluded for tail in tails
        )

    # making

    async def create(self, argv: list[str]) -> int:
        process = self.process
        name = self.arguments.last("f") or "-"
        members = self.members(argv)
        for path in self.arguments.all("T"):
            data = b"".join(await process.lines()) if path == "-" else await process.read_file(path)
            members += [(process.cwd, line) for line in decode(data).split("\n") if line]
        if not members:
            raise Complaint("Cowardly refusing to create an empty archive", usage=not is_busybox(process))
        try:
            file = process.stdout if name == "-" else process.open(name, "w")
        except OSError as error:
            words = (
                f"can't open '{name}': {reason(error)}"
                if is_busybox(process)
                else f"{name}: Cannot open: {reason(error)}"
            )
            raise Complaint(words) from None
        if name != "-":
            stat = file.stat()
            self.own = (stat.device, stat.inode)
        squeezer: Squeezer | None = None
        if self.has("z") or (self.has("a") and name.endswith(("gz", "tgz"))):
            squeezer = zlib.compressobj(6, zlib.DEFLATED, 31)
        elif self.has("j"):
            squeezer = bz2.BZ2Compressor()
        elif self.has("J"):
            squeezer = lzma.LZMACompressor(preset=3)
        writer = Writer(process, file, squeezer)
        start = process.cwd
        try:
            for folder, path in members:
                process.chdir(folder)
                await self.add(writer, path)
            process.chdir(start)
            await writer.finish()
        finally:
            if file is not process.stdout:
                file.release()
        if self.code and not is_busybox(process):
            await process.complain("Exiting with failure status due to previous errors")
        return self.code

    def members(self, argv: list[str]) -> list[tuple[str, str]]:
        """Each member with the directory that -C had named before it."""
        start = folder = self.process.cwd
        result = []
        operands = list(self.arguments.operands)
        waiting = list(argv)
        while waiting:
            word = waiting.pop(0)
            if word in ("-C", "--directory") and waiting:
                folder = self.change(folder, waiting.pop(0))
            elif word.startswith("--directory="):
                folder = self.change(folder, word.partition("=")[2])
            elif word.startswith("-C") and len(word) > 2:
                folder = self.change(folder, word[2:])
            elif operands and word == operands[0] and not (word.startswith("-") and word != "-"):
                result.append((folder, operands.pop(0)))
            elif word.startswith("-") and not word.startswith("--") and word[-1] in "fXTbB" and waiting:
                waiting.pop(0)
            elif word.startswith("-") and not word.startswith("--") and word[-1] == "C" and waiting:
                folder = self.change(folder, waiting.pop(0))
            elif (
                word in ("--file", "--exclude", "--files-from", "--exclude-from", "--owner", "--group", "--format")
                and waiting
            ):
                waiting.pop(0)
        self.process.chdir(start)
        return result

    def change(self, folder: str, path: str) -> str:
        try:
            self.process.chdir(folder)
            self.process.chdir(path)
        except OSError as error:
            raise Complaint(
                f"can't change directory to '{path}': {reason(error)}"
                if is_busybox(self.process)
                else f"{path}: Cannot open: {reason(error)}"
            ) from None
        return self.process.cwd

    async def add(self, writer: Writer, path: str) -> None:
        process = self.process
        await process.breathe()
        if self.is_excluded(path):
            return
        try:
            stat = process.stat(path) if self.has("h") else process.lstat(path)
        except OSError as error:
            self.code = 1 if is_busybox(process) else 2
            await process.complain(
                f"{path}: {reason(error)}" if is_busybox(process) else f"{path}: Cannot stat: {reason(error)}"
            )
            return
        if (stat.device, stat.inode) == self.own:
            return
        name = path if self.has("P") else path.lstrip("/")
        if name != path and not self.stripped:
            self.stripped = True
            await process.complain(
                "removing leading '/' from member names"
                if is_busybox(process)
                else "Removing leading `/' from member names"
            )
        if name or path == "/":
            await self.write_member(writer, path, name or "./", stat)
        if modes.is_directory(stat.mode) and not self.has("nr"):
            try:
                children = process.listdir(path)
            except OSError as error:
                self.code = 2
                await process.complain(f"{path}: Cannot open: {reason(error)}")
                return
            for child in children:
                await self.add(writer, f"{path.rstrip('/')}/{child}")

    async def write_member(self, writer: Writer, path: str, name: str, stat: Stat) -> None:
        process = self.process
        letter = modes.shown(stat.mode)[0]
        if letter == "s":
            return
        info = tarfile.TarInfo(name.rstrip("/"))
        info.mode, info.uid, info.gid, info.mtime = stat.mode & 0o7777, stat.uid, stat.gid, int(stat.mtime)
        info.uname, info.gname = self.names.user.get(stat.uid, ""), self.names.group.get(stat.gid, "")
        info.type = {
            "d": tarfile.DIRTYPE,
            "l": tarfile.SYMTYPE,
            "p": tarfile.FIFOTYPE,
            "c": tarfile.CHRTYPE,
            "b": tarfile.BLKTYPE,
        }.get(letter, tarfile.REGTYPE)
        if letter == "l":
            info.linkname = process.readlink(path)
        elif letter == "-" and stat.links > 1:
            first = self.links.setdefault((stat.device, stat.inode), info.name)
            if first != info.name:
                info.type, info.linkname = tarfile.LNKTYPE, first
        data_file = None
        if info.type == tarfile.REGTYPE:
            try:
                data_file = process.open(path)
            except OSError as error:
                self.code = 1 if is_busybox(process) else 2
                await process.complain(
                    f"can't open '{path}': {reason(error)}"
                    if is_busybox(process)
                    else f"{path}: Cannot open: {reason(error)}"
                )
                return
            info.size = data_file.stat().size
        if self.has("v"):
            await self.talk(name.rstrip("/") + ("/" if letter == "d" else ""))
        try:
            await writer.write(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))
            if data_file is not None:
                await self.write_data(writer, data_file, info.size)
        finally:
            if data_file is not None:
                data_file.release()

    async def write_data(self, writer: Writer, file: OpenFile, size: int) -> None:
        left = size
        while left > 0:
            data = await file.read(min(BLOCK, left))
            if not data:
                data = bytes(min(left, BLOCK))  # it shrank meanwhile: the header's size holds
            await writer.write(data)
            left -= len(data)
        if size % 512:
            await writer.write(bytes(512 - size % 512))

    # reading

    async def read(self, extract: bool) -> int:
        process = self.process
        name = self.arguments.last("f") or "-"
        try:
            file = process.stdin if name == "-" else process.open(name)
        except OSError as error:
            words = (
                f"can't open '{name}': {reason(error)}"
                if is_busybox(process)
                else f"{name}: Cannot open: {reason(error)}"
            )
            raise Complaint(words, 1 if is_busybox(process) else 2) from None
        wanted = [word.rstrip("/") for word in self.arguments.operands]
        for path in self.arguments.all("T"):
            wanted += decode(await process.read_file(path)).split("\n")[:-1]
        for folder in self.arguments.all("C"):
            self.process.chdir(self.change(self.process.cwd, folder))
        found: set[str] = set()
        directories: list[tuple[str, tarfile.TarInfo]] = []
        reader = Reader(process, file)
        try:
            while (info := await self.header(reader)) is not None:
                name = (
                    info.name.removeprefix("./")
                    if wanted and not any(word.startswith("./") for word in wanted)
                    else info.name
                )
                match = next(
                    (
                        word
                        for word in wanted
                        if name == word
                        or name.startswith(word + "/")
                        or (self.has("wild") and fnmatch.fnmatchcase(name, word))
                    ),
                    None,
                )
                if (wanted and match is None) or self.is_excluded(info.name):
                    await self.skip(reader, info.size)
                    continue
                found.add(match or "")
                if not extract:
                    await self.show(info)
                    await self.skip(reader, info.size)
                else:
                    await self.extract(reader, info, directories)
            for path, info in reversed(directories):
                self.settle(path, info)
        finally:
            if file is not process.stdin:
                file.release()
        for word in wanted:
            if word not in found:
                await process.complain(
                    f"{word}: not found in archive" if is_busybox(process) else f"{word}: Not found in archive"
                )
                self.code = 1 if is_busybox(process) else 2
        if self.code == 2:
            await process.complain("Exiting with failure status due to previous errors")
        return self.code

    async def header(self, reader: Reader) -> tarfile.TarInfo | None:
        """The next member, with long names (GNU's and pax's) resolved."""
        long_name = long_link = None
        pax: dict[str, str] = {}
        while True:
            block = await reader.take(512)
            if len(block) < 512:
                if not reader.begun:
                    raise Complaint(
                        "short read" if is_busybox(self.process) else "This does not look like a tar archive",
                        1 if is_busybox(self.process) else 2,
                    )
                return None
            if not block.strip(b"\0"):
                while await reader.take(BLOCK):
                    pass  # the rest is padding; the writer of a pipe wants to get rid of it
                return None
            try:
                info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
            except tarfile.HeaderError:
                words = "invalid tar magic" if is_busybox(self.process) else "This does not look like a tar archive"
                raise Complaint(words, 1 if is_busybox(self.process) else 2) from None
            if info.type in (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE):
                if info.size > 1 << 20:
                    raise Complaint("header is too long", 2)
                data = await reader.take(-(-info.size // 512) * 512)
                text = decode(data[: info.size])
                if info.type == tarfile.GNUTYPE_LONGNAME:
                    long_name = text.rstrip("\0")
                elif info.type == tarfile.GNUTYPE_LONGLINK:
                    long_link = text.rstrip("\0")
                elif info.type == tarfile.XHDTYPE:
                    pax = dict(line.partition(" ")[2].split("=", 1) for line in text.split("\n") if "=" in line)
                continue
            info.name = pax.get("path") or long_name or info.name
            info.linkname = pax.get("linkpath") or long_link or info.linkname
            if "size" in pax:
                info.size = int(pax["size"])
            if info.type not in tarfile.REGULAR_TYPES:
                info.size = 0
            return info

    async def skip(self, reader: Reader, size: int) -> None:
        left = -(-size // 512) * 512
        while left > 0:
            data = await reader.take(min(left, BLOCK))
            if not data:
                return
            left -= len(data)

    async def show(self, info: tarfile.TarInfo) -> None:
        name = info.name + ("/" if info.isdir() and not info.name.endswith("/") else "")
        if not self.has("v"):
            await self.process.print(name)
            return
        from minikube_edu.container_runtime.simulated.tools.date import formatted

        kind = {tarfile.DIRTYPE: 0o040000, tarfile.SYMTYPE: 0o120000, tarfile.FIFOTYPE: 0o010000}.get(
            info.type, 0o100000
        )
        mode = modes.shown(kind | info.mode)
        owner = f"{info.uname or info.uid}/{info.gname or info.gid}"
        when = formatted(
            "%Y-%m-%d %H:%M:%S" if is_busybox(self.process) else "%Y-%m-%d %H:%M",
            info.mtime,
            self.process.env.get("TZ", ""),
        )
        link = f" -> {info.linkname}" if info.issym() else f" link to {info.linkname}" if info.islnk() else ""
        size = f"{info.size:>9}" if is_busybox(self.process) else f"{info.size:>{max(1, 18 - len(owner))}}"
        await self.process.print(f"{'h' + mode[1:] if info.islnk() else mode} {owner} {size} {when} {name}{link}")

    def safe(self, name: str) -> str | None:
        """The place of a member; None when it would lie outside."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            return None
        parts = parts[self.arguments.number("strip", 0) :]
        return "/".join(parts)

    async def extract(
        self, reader: Reader, info: tarfile.TarInfo, directories: list[tuple[str, tarfile.TarInfo]]
    ) -> None:
        process = self.process
        path = self.safe(info.name)
        if path is None:
            self.code = 2
            await process.complain(f"{info.name}: Member name contains '..'")
            await self.skip(reader, info.size)
            return
        if self.has("v") and not self.has("O"):
            await self.talk(info.name + ("/" if info.isdir() and not info.name.endswith("/") else ""))
        if self.has("O"):
            await self.pour(reader, process.stdout, info.size)
            return
        if not path:
            await self.skip(reader, info.size)
            return
        try:
            parent = path.rpartition("/")[0]
            if parent:
                make_parents(process, parent)
            if info.isdir():
                try:
                    process.mkdir(path, info.mode & 0o777 | 0o700)
                except FileExistsError:
                    if not modes.is_directory(process.stat(path).mode):
                        raise
                directories.append((path, info))
                return
            if self.has("k"):
                try:
                    process.lstat(path)
                    await self.skip(reader, info.size)
                    return
                except FileNotFoundError:
                    pass
            elif not self.has("overwrite"):
                try:
                    process.unlink(path)
                except (FileNotFoundError, IsADirectoryError):
                    pass
            if info.issym():
                process.symlink(info.linkname, path)
                return
            if info.islnk():
                process.link(self.safe(info.linkname) or info.linkname, path)
                return
            if info.isfifo():
                process.mkfifo(path, info.mode & 0o777)
                return
            if not info.isreg():
                return  # devices are not for containers
            target = process.open(path, "w", info.mode & 0o777)
        except OSError as error:
            self.code = 1 if is_busybox(process) else 2
            await process.complain(
                f"can't create '{path}': {reason(error)}"
                if is_busybox(process)
                else f"{path}: Cannot open: {reason(error)}"
            )
            await self.skip(reader, info.size)
            return
        try:
            await self.pour(reader, target, info.size)
        finally:
            target.release()
        self.settle(path, info)

    async def pour(self, reader: Reader, target: OpenFile, size: int) -> None:
        left = size
        while left > 0:
            data = await reader.take(min(left, BLOCK))
            if not data:
                raise Complaint(
                    "short read" if is_busybox(self.process) else "Unexpected EOF in archive",
                    1 if is_busybox(self.process) else 2,
                )
            await target.write(data)
            left -= len(data)
        if size % 512:
            await reader.take(512 - size % 512)

    def settle(self, path: str, info: tarfile.TarInfo) -> None:
        """Owner, mode and time of what was made."""
        process = self.process
        root = process.user.uid == 0
        try:
            if root and not self.has("o"):
                process.chown(path, info.uid, info.gid, follow=False)
            process.chmod(path, info.mode & (0o7777 if self.has("p") or root else ~process.umask & 0o777))
            if not self.has("m"):
                process.utime(path, info.mtime, info.mtime)
        except OSError:
            pass  # a file system that keeps no owners
