"""`kubectl cp`: files to and from containers, as a tar archive through the container's own `tar`."""

from __future__ import annotations

import io
import os
import posixpath
import tarfile
from dataclasses import dataclass

from minikube_edu.client import remote
from minikube_edu.client.errors import ApiError
from minikube_edu.kubectl import attaching
from minikube_edu.kubectl.command import Call, Command
from minikube_edu.kubectl.failures import CommandError, Exit
from minikube_edu.kubectl.flags import Flag


@dataclass(frozen=True)
class Place:
    """`namespace/pod:path`; a local path has no pod."""

    path: str
    pod: str = ""
    namespace: str = ""


def place(text: str) -> Place:
    head, colon, path = text.partition(":")
    if not colon or ("/" in head and head.count("/") > 1) or text.startswith(("/", "./", "../")):
        return Place(text)
    namespace, slash, pod = head.partition("/")
    if not head or (slash and (not namespace or not pod)):
        raise CommandError("filespec must match the canonical format: [[namespace/]pod:]file/path")
    return Place(path, pod or namespace, namespace if slash else "")


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
        if not os.path.lexists(source.path):
            raise CommandError(f"{source.path} doesn't exist in local filesystem")
        await _to_pod(call, source, target)
    else:
        raise CommandError("one of src or dest must be a remote file specification")


async def _run(call: Call, where: Place, command: list[str], data: bytes = b"") -> tuple[int, bytes, bytes]:
    namespace = where.namespace or call.factory.namespace
    pod = await call.factory.send("GET", attaching.PODS.path(namespace, where.pod))
    container = attaching.container_of(call, pod, call.flags["container"])
    try:
        async with await remote.execute(
            call.factory.client, namespace, where.pod, command, container=container, stdin=bool(data)
        ) as process:
            return await process.run(data)
    except ApiError as error:
        raise attaching.refused(error) from None


async def _to_pod(call: Call, source: Place, target: Place) -> None:
    path = target.path
    if path.endswith("/") or (await _run(call, target, ["test", "-d", path]))[0] == 0:
        path = posixpath.join(path, os.path.basename(os.path.abspath(source.path)))
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(source.path, arcname=posixpath.basename(path))
    command = ["tar", "-xmf", "-"]
    if call.flags["no-preserve"]:
        command = ["tar", "--no-same-permissions", "--no-same-owner", "-xmf", "-"]
    folder = posixpath.dirname(path)
    code, _, err = await _run(call, target, [*command, *(["-C", folder] if folder else [])], archive.getvalue())
    _ended(call, code, err)


async def _from_pod(call: Call, source: Place, target: Place) -> None:
    code, out, err = await _run(call, source, ["tar", "cf", "-", source.path])
    if code or not out:
        _ended(call, code or 1, err)
    if err:
        call.err.write(err.decode("utf-8", "replace"))
    prefix = source.path.lstrip("/").rstrip("/")
    base = target.path
    if os.path.isdir(base):
        base = os.path.join(base, posixpath.basename(prefix))
    root = os.path.realpath(base)
    with tarfile.open(fileobj=io.BytesIO(out)) as tar:
        for member in tar:
            name = member.name.lstrip("/")
            rest = name[len(prefix) :].lstrip("/") if name.startswith(prefix) else posixpath.basename(name)
            where = os.path.normpath(os.path.join(base, rest)) if rest else base
            inside = os.path.realpath(where)
            if inside != root and not inside.startswith(root + os.sep):
                call.warn(f'warning: file "{where}" is outside target destination, skipping')
            elif member.isdir():
                os.makedirs(where, exist_ok=True)
            elif member.issym() or member.islnk():
                call.warn(
                    f'warning: skipping symlink: "{where}" -> "{member.linkname}" (consider using "kubectl exec -n '
                    f'"{source.namespace or call.factory.namespace}" "{source.pod}" -- tar cf - "{source.path}" | '
                    f'tar xf -")'
                )
            elif (data := tar.extractfile(member)) is not None:
                os.makedirs(os.path.dirname(os.path.abspath(where)), exist_ok=True)
                with open(where, "wb") as file:  # noqa: ASYNC230  # nothing else runs
                    file.write(data.read())


def _ended(call: Call, code: int, err: bytes) -> None:
    if err:
        call.err.write(err.decode("utf-8", "replace"))
    if code:
        call.warn(f"command terminated with exit code {code}")
        raise Exit(code)


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
