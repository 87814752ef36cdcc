"""An image's file tree: commands, programs, files, and the directories that every root has.

Made once an image, when its first container comes, and shared by all its containers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from minikube_edu.container_runtime.simulated.filesystem.layer import Entry, Layer, layer_of
from minikube_edu.container_runtime.simulated.images.entry import Definition
from minikube_edu.container_runtime.simulated.kernel.executable import executable

EVERYWHERE = ("/dev/", "/etc/", "/proc/", "/sys/", "/run/")
WITH_SHELL = ("/home/", "/lib/", "/usr/", "/usr/bin/", "/usr/sbin/", "/usr/lib/", "/var/")
DISTRIBUTION = ("/opt/", "/srv/", "/mnt/", "/media/", "/usr/local/")
MERGED = ("bin", "sbin", "lib")
_roots: dict[str, Layer] = {}


def program_name(path: str, program: Any) -> str:
    """What an executable of an image calls its program: `nginx:main`, or the path of a user's own function."""
    return program if isinstance(program, str) else f"user:{path}"


def programs_by_name(definition: Definition) -> dict[str, Any]:
    """What `program_name` stands for: a place, or a function."""
    found = {program_name(path, program): program for path, program in definition.programs.items()}
    for value in definition.files.values():
        if isinstance(value, Mapping) and "program" in value:
            found[str(value["program"])] = value["program"]
    return found


def root_of(definition: Definition) -> Layer:
    layer = _roots.get(definition.id)
    if layer is None:
        layer = _roots[definition.id] = build(definition)
    return layer


def forget(definition: Definition) -> None:
    """The image is gone; containers that still run keep what they have."""
    _roots.pop(definition.id, None)


def build(definition: Definition) -> Layer:
    files: dict[str, Entry] = {"/": Entry(kind="directory", mode=0o755)}
    for path in EVERYWHERE:
        files[path] = Entry(kind="directory")
    if definition.base != "scratch":
        files["/tmp/"] = Entry(kind="directory", mode=0o1777)
        files["/root/"] = Entry(kind="directory", mode=0o700)
        files["/var/"] = files["/usr/"] = Entry(kind="directory")
        files["/var/tmp/"] = Entry(kind="directory", mode=0o1777)
        files["/var/run"] = Entry(kind="symlink", target="/run")
    if definition.shell:
        for path in WITH_SHELL + (DISTRIBUTION if definition.packages else ()):
            files[path] = Entry(kind="directory")
    if definition.merged:
        for name in MERGED:
            files[f"/usr/{name}/"] = Entry(kind="directory")
            files[f"/{name}"] = Entry(kind="symlink", target=f"usr/{name}")
    for directory, names in definition.commands.items():
        for name in names:
            files[f"{directory}/{name}"] = Entry(executable(name), mode=0o755)
    for path, value in definition.files.items():
        if value is None:  # what other images have, and this one does not
            files.pop(path, None)
        else:
            files[path] = entry_of(path, value)
    for path, program in definition.programs.items():
        files[path] = Entry(executable(program_name(path, program)), mode=0o755)
    return layer_of({path: files[path] for path in sorted(files, key=lambda path: path.count("/"))})


def entry_of(path: str, value: Any) -> Entry:
    """Of `text`, or {text, mode, uid, gid, link, program}."""
    kind = "directory" if path.endswith("/") else "file"
    if not isinstance(value, Mapping):
        return Entry(value if isinstance(value, bytes) else str(value).encode(), kind=kind)
    mode = int(str(value["mode"]), 8) if "mode" in value else None
    uid, gid = int(value.get("uid", 0)), int(value.get("gid", 0))
    if "link" in value:
        return Entry(kind="symlink", target=str(value["link"]), uid=uid, gid=gid)
    if "program" in value:
        return Entry(executable(str(value["program"])), mode=0o755 if mode is None else mode, uid=uid, gid=gid)
    return Entry(str(value.get("text", "")).encode(), mode=mode, kind=kind, uid=uid, gid=gid)
