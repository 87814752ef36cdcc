"""zip and unzip: archives whose members stand for themselves, with Info-ZIP's words. busybox has unzip alone."""

from __future__ import annotations

import fnmatch
import io
import time
import zipfile
import zlib

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, Complaint, parse, program
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, everything

BAD = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, ValueError)


@program("unzip [-lnopqt] [-d DIR] FILE[.zip] [MEMBER]... [-x MEMBER]...", failure=10)
async def unzip(process: Process) -> int:
    arguments = parse(process, "lnopqtjd:x:", permute=True)
    if not arguments.operands:
        raise Complaint("no archive named", 10, usage=True)
    name, *wanted = arguments.operands
    archive = await opened(process, name)
    members = [one for one in archive.infolist() if chosen(one.filename, wanted, arguments.all("x"))]
    if wanted and not members:
        await process.complain(f"caution: filename not matched:  {wanted[0]}")
        return 11
    if arguments.has("l"):
        await listed(process, name, members)
        return 0
    if not arguments.has("p", "q"):
        await process.print(f"Archive:  {name}")
    unpacking = Unpacking(process, archive, arguments)
    for member in members:
        try:
            await unpacking.one(member)
        except BAD as error:
            await process.complain(f"{member.filename}: {error}")
            return 3
    if arguments.has("t") and not arguments.has("q"):
        await process.print(f"No errors detected in compressed data of {name}.")
    return 0


async def opened(process: Process, name: str) -> zipfile.ZipFile:
    for path in (name, f"{name}.zip"):
        try:
            file = process.open(path)
        except FileNotFoundError:
            continue
        try:
            return zipfile.ZipFile(io.BytesIO(await everything(process, file)))
        except BAD:
            raise Complaint(f"End-of-central-directory signature not found in {name}.", 9) from None
        finally:
            file.release()
    raise Complaint(f"cannot find or open {name}, {name}.zip or {name}.ZIP.", 9)


def chosen(name: str, wanted: list[str], excluded: list[str]) -> bool:
    if any(fnmatch.fnmatchcase(name, one) for one in excluded):
        return False
    return not wanted or any(fnmatch.fnmatchcase(name, one) for one in wanted)


async def listed(process: Process, name: str, members: list[zipfile.ZipInfo]) -> None:
    lines = [f"Archive:  {name}", "  Length      Date    Time    Name", "---------  ---------- -----   ----"]
    for one in members:
        year, month, day, hour, minute, _ = one.date_time
        lines.append(f"{one.file_size:9}  {year}-{month:02}-{day:02} {hour:02}:{minute:02}   {one.filename}")
    count = len(members)
    lines.append("---------                     -------")
    lines.append(f"{sum(one.file_size for one in members):9}                     {count} file{'s' * (count != 1)}")
    await process.print("\n".join(lines))


class Unpacking:
    def __init__(self, process: Process, archive: zipfile.ZipFile, arguments: Arguments) -> None:
        self.process, self.archive, self.arguments = process, archive, arguments
        self.folder = arguments.last("d") or ""

    async def one(self, member: zipfile.ZipInfo) -> None:
        process, quiet = self.process, self.arguments.has("q")
        parts = [part for part in member.filename.split("/") if part not in ("", ".", "..")]  # none leads out
        path = "/".join([self.folder.rstrip("/") or ("/" if self.folder else ""), *parts] if self.folder else parts)
        if self.arguments.has("p", "t"):
            if not member.is_dir():
                await self.copy(member, None if self.arguments.has("t") else "")
            return
        if member.is_dir():
            if not quiet:
                await process.print(f"   creating: {path}/")
            self.make(path)
            return
        self.make(path.rpartition("/")[0])
        if not self.arguments.has("o") and self.exists(path):
            if self.arguments.has("n"):
                return
            raise Complaint(f"{path} exists: -o overwrites it, -n leaves it", 1)
        if not quiet:
            verb = "inflating" if member.compress_type == zipfile.ZIP_DEFLATED else "extracting"
            await process.print(f"{verb:>11}: {path}  ")
        await self.copy(member, path)

    async def copy(self, member: zipfile.ZipInfo, path: str | None) -> None:
        """To a file, to stdout (an empty path), or nowhere."""
        target = self.process.open(path, "w") if path else self.process.stdout.retain() if path == "" else None
        try:
            with self.archive.open(member) as source:
                while block := source.read(BLOCK):
                    if target is not None:
                        await target.write(block)
                    await self.process.breathe()
        finally:
            if target is not None:
                target.release()
        mode = member.external_attr >> 16 & 0o777
        if path and mode:
            self.process.chmod(path, mode)

    def exists(self, path: str) -> bool:
        try:
            self.process.lstat(path)
        except OSError:
            return False
        return True

    def make(self, path: str) -> None:
        """A directory and those above it."""
        if path and not self.exists(path):
            self.make(path.rpartition("/")[0])
            self.process.mkdir(path)


@program("zip [-rjq0-9] FILE[.zip] FILE...", failure=12)
async def zip(process: Process) -> int:
    arguments = parse(process, "rjqmu0123456789x:")
    if len(arguments.operands) < 2:
        raise Complaint("Nothing to do!", 12)
    name, *files = arguments.operands
    name = name if "." in name.rpartition("/")[2] else f"{name}.zip"
    buffer = io.BytesIO()
    kind = zipfile.ZIP_STORED if arguments.has("0") else zipfile.ZIP_DEFLATED
    waiting, added = list(reversed(files)), 0
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        while waiting:
            path = waiting.pop()
            try:
                stat = process.stat(path)
            except OSError as error:
                await process.print(f"\tzip warning: name not matched: {path} ({reason(error)})")
                continue
            directory = stat.mode & 0o170000 == 0o040000
            if directory and arguments.has("r"):
                waiting += [f"{path.rstrip('/')}/{one}" for one in sorted(process.listdir(path), reverse=True)]
            shown = path.rpartition("/")[2] if arguments.has("j") else path.lstrip("/")
            if (directory and arguments.has("j")) or any(fnmatch.fnmatchcase(shown, x) for x in arguments.all("x")):
                continue
            info = zipfile.ZipInfo(shown.rstrip("/") + "/" * directory, time.gmtime(max(stat.mtime, 315532800))[:6])
            info.compress_type, info.external_attr = kind, stat.mode << 16
            if not directory and stat.size <= BLOCK and not shrinks(await process.read_file(path)):
                info.compress_type = zipfile.ZIP_STORED
            await packed(process, archive, info, None if directory else path)
            added += 1
            if not arguments.has("q"):
                share = 100 - 100 * info.compress_size // info.file_size if info.file_size else 0
                how = "stored" if not share else "deflated"
                await process.print(f"  adding: {info.filename} ({how} {share}%)")
    if not added:
        raise Complaint(f"Nothing to do! ({name})", 12)
    await process.write_file(name, buffer.getvalue())
    return 0


def shrinks(data: bytes) -> bool:
    return len(zlib.compress(data)) - 6 < len(data)


async def packed(process: Process, archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str | None) -> None:
    if path is None:
        archive.writestr(info, b"")
        return
    file = process.open(path)
    try:
        with archive.open(info, "w") as target:
            while block := await file.read(BLOCK):
                target.write(block)
                await process.breathe()
    finally:
        file.release()
