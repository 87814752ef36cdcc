"""`kubectl cp`: files to and from containers, as a tar archive through the container's own `tar`.

Nothing is held whole: what is sent is read as it goes, what comes waits in a temporary file when it is much.
"""

from __future__ import annotations

import asyncio
import glob
import io
import os
import posixpath
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from msgspec import Struct
from msgspec.structs import replace

from minikube_edu.client import remote
from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import attaching
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, Exit
from minikube_edu.kubectl.flags import Flag
from minikube_edu.lib.gotext import quote

IN_MEMORY = 16 << 20
PIECE = 64 << 10


class Place(Struct, frozen=True):
    """`namespace/pod:path`; a local path has no pod."""

    path: str
    pod: str = ""
    namespace: str = ""


def place(text: str) -> Place:
    head, colon, path = text.partition(":")
    if not colon:
        return Place(_bare(text))
    names = head.split("/")
    if not head or len(names) > 2:
        raise CommandError("filespec must match the canonical format: [[namespace/]pod:]file/path")
    return Place(_bare(path.replace("\\", "/")), names[-1], names[0] if len(names) == 2 else "")


def _bare(path: str) -> str:
    """Without one slash at its end."""
    return path[:-1] if path.endswith("/") and path != "/" else path


async def run(call: Call) -> None:
    if len(call.args) != 2:
        raise CommandError("source and destination are required")
    source, target = place(call.args[0]), place(call.args[1])
    if source.pod and target.pod:
        raise CommandError("one of src or dest must be a local file specification")
    if not source.path or not target.path:
        raise CommandError("filepath can not be empty")
    if source.pod:
        await _from_pod(call, source, target)
    elif target.pod:
        if not os.path.exists(source.path):
            raise CommandError(f"{source.path} doesn't exist in local filesystem")
        await _to_pod(call, source, target)
    else:
        raise CommandError("one of src or dest must be a remote file specification")


# ---------------------------------------------------------------- in the container


async def _begun(call: Call, where: Place, command: list[str], *, stdin: bool = False, quiet: bool = False) -> Any:
    namespace = where.namespace or call.factory.namespace
    pod = await call.factory.send("GET", attaching.PODS.path(namespace, where.pod))
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise CommandError(f"cannot exec into a container in a completed pod; current phase is {phase}")
    # Where files come from the pod, all that is said there belongs to the output.
    told = call if stdin else replace(call, err=call.out)
    container = attaching.container_of(told, pod, call.flags["container"], quiet=quiet)
    try:
        return await remote.execute(
            call.factory.client, namespace, where.pod, command, container=container, stdin=stdin
        )
    except ApiError as error:
        raise attaching.refused(error) from None


async def _ended(call: Call, process: Any) -> None:
    try:
        code = await process.wait()
    except ApiError as error:
        raise CommandError(error.message) from None
    if code:
        call.out.flush()
        call.warn(f"command terminated with exit code {code}")
        raise Exit(code)


async def _is_folder(call: Call, where: Place) -> bool:
    try:
        async with await _begun(call, where, ["test", "-d", where.path], quiet=True) as process:
            return bool((await asyncio.wait_for(process.run(), 30))[0] == 0)
    except TimeoutError:
        raise CommandError("context deadline exceeded") from None
    except (ApiError, CommandError):
        return False  # whatever it is, the copy itself will say so


# ---------------------------------------------------------------- to it


async def _to_pod(call: Call, source: Place, target: Place) -> None:
    path = target.path
    if await _is_folder(call, target):
        path = posixpath.normpath(posixpath.join(path, os.path.basename(source.path)))
    command = ["tar", "-xmf", "-"]
    if call.flags["no-preserve"]:
        command = ["tar", "--no-same-permissions", "--no-same-owner", "-xmf", "-"]
    folder = posixpath.dirname(path) or "."
    async with await _begun(call, target, [*command, "-C", folder], stdin=True) as process:
        sending = asyncio.create_task(_send_archive(process.stdin, source.path, posixpath.normpath(path)))
        said = [
            asyncio.create_task(_say(process.stdout, call.out)), asyncio.create_task(_say(process.stderr, call.err))
        ]  # fmt: skip
        try:
            await asyncio.gather(*said)
            await _ended(call, process)
        finally:
            sending.cancel()


async def _say(source: Any, sink: Any) -> None:
    while piece := await source.read():
        sink.write(piece.decode("utf-8", "replace"))


async def _send_archive(stdin: Any, source: str, target: str) -> None:
    """Header, content and padding of one file after the other."""
    with tarfile.open(fileobj=io.BytesIO(), mode="w") as tar:
        for path, name in _tree(os.path.normpath(source), posixpath.basename(target)):
            tar.inodes = {}  # type: ignore[attr-defined]  # a second name of a file is a file, not a link
            info = tar.gettarinfo(path, arcname=name)
            stdin.write(info.tobuf(tarfile.GNU_FORMAT))
            if info.isreg():
                await _send_content(stdin, path, info.size)
    stdin.write(bytes(2 * tarfile.BLOCKSIZE))
    await stdin.drained()
    stdin.end()


async def _send_content(stdin: Any, path: str, size: int) -> None:
    left = size
    with open(path, "rb") as file:  # noqa: ASYNC230  # nothing else runs
        while left and (piece := file.read(min(left, PIECE))):
            stdin.write(piece)
            left -= len(piece)
            await stdin.drained()
    stdin.write(bytes(left + -size % tarfile.BLOCKSIZE))


def _tree(source: str, name: str) -> Iterator[tuple[str, str]]:
    """Every file, link and empty directory below, with its name in the archive. The source may be a pattern."""
    for path in [source] if os.path.lexists(source) else sorted(glob.glob(source)):
        inside = sorted(os.listdir(path)) if stat.S_ISDIR(os.lstat(path).st_mode) else []
        if not inside:
            yield path, name
        for entry in inside:
            yield from _tree(os.path.join(path, entry), posixpath.join(name, entry))


# ---------------------------------------------------------------- from it


async def _from_pod(call: Call, source: Place, target: Place) -> None:
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as archive:
        await _receive(call, source, archive)
        if not archive.tell():
            return
        archive.seek(0)
        try:
            with tarfile.open(fileobj=archive, mode="r:") as tar:
                _unpack(call, tar, source, target.path)
        except tarfile.ReadError:
            raise CommandError("unexpected EOF") from None
        except OSError as error:
            raise CommandError(f"open {error.filename}: {(error.strerror or '').lower()}") from None


async def _receive(call: Call, source: Place, archive: IO[bytes]) -> None:
    """All of the archive; with --retries, what did not come to its end is asked for again from there on."""
    tries, most = 0, call.flags["retries"]
    while True:
        command = ["tar", "cf", "-", source.path]
        if most:
            quoted = source.path.replace("'", "'\\''")
            command = ["sh", "-c", f"tar cf - '{quoted}' | tail -c+{archive.tell() + 1 if tries else 0}"]
        try:
            async with await _begun(call, source, command) as process:
                said = asyncio.create_task(_say(process.stderr, call.out))
                while piece := await process.stdout.read():
                    archive.write(piece)
                await said
                if not archive.tell():
                    await _ended(call, process)
            if _complete(archive):
                return
        except ConnectionError:
            if not (most < 0 or tries < most):
                call.say(f"Dropping out copy after {tries} retries")
                raise
        if not (most < 0 or tries < most):
            call.say(f"Dropping out copy after {tries} retries")
            return
        tries += 1
        call.say(f"Resuming copy at {archive.tell()} bytes, retry {tries}/{most}")


def _complete(archive: IO[bytes]) -> bool:
    """Whether there is the block of zeros behind the last member; of the other blocks only the sizes are looked at."""
    end, place = archive.tell(), 0
    try:
        while place + tarfile.BLOCKSIZE <= end:
            archive.seek(place)
            header = archive.read(tarfile.BLOCKSIZE)
            if not header.strip(b"\0"):
                return True
            try:
                size = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape").size
            except tarfile.TarError:
                return True  # no archive at all: nothing that comes later makes one of it
            place += tarfile.BLOCKSIZE * (1 + -(-size // tarfile.BLOCKSIZE))
        return False
    finally:
        archive.seek(end)


def _unpack(call: Call, tar: tarfile.TarFile, source: Place, base: str) -> None:
    prefix = _inside(posixpath.normpath(source.path.lstrip("/\\") or "."))
    warned = False
    for member in tar:
        if not member.name.startswith(prefix):
            raise CommandError("tar contents corrupted")
        where = os.path.normpath(os.path.join(base, "./" + _bare(member.name[len(prefix) :]).lstrip("/")))
        relative = os.path.relpath(where, base)
        if relative != "." and relative != _inside(relative):
            call.warn(f"warning: file {quote(where)} is outside target destination, skipping")
            continue
        os.makedirs(os.path.dirname(where) or ".", exist_ok=True)
        if member.isdir():
            os.makedirs(where, exist_ok=True)
        elif member.issym():
            text = f"warning: skipping symlink: {quote(where)} -> {quote(member.linkname)}"
            if not warned:
                warned, program = True, call.path.partition(" ")[0]
                text += (
                    f' (consider using "{program} exec -n {quote(source.namespace)} {quote(source.pod)} -- tar cf - '
                    f'{quote(source.path)} | tar xf -")'
                )
            call.warn(text)
        else:
            content = tar.extractfile(member)
            with open(where, "wb") as file:
                while content is not None and (piece := content.read(PIECE)):
                    file.write(piece)


def _inside(path: str) -> str:
    """Without what would lead out of a directory."""
    while path.startswith("../"):
        path = path[3:]
    return "" if path in (".", "..") else path.removeprefix("/")


COMMAND = Command(
    "cp",
    run,
    use="<file-spec-src> <file-spec-dest>",
    long="Copy files and directories to and from containers. The container needs a program `tar`.",
    examples="""# Copy /tmp/foo local file to /tmp/bar in a remote pod in namespace <some-namespace>
kubectl cp /tmp/foo <some-namespace>/<some-pod>:/tmp/bar

# Copy /tmp/foo from a remote pod to /tmp/bar locally
kubectl cp <some-namespace>/<some-pod>:/tmp/foo /tmp/bar""",
    flags=(
        Flag("container", short="c", help="The container; the pod's default one, or its first, without it."),
        Flag(
            "no-preserve",
            "bool",
            help="The copied file/directory's ownership and permissions will not be preserved in the container",
        ),
        Flag("retries", "int", help="Set number of retries to complete a copy operation from a container."),
    ),
)
