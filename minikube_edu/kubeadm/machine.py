"""A machine as preflight sees it: described in a file (`--machine FILE`), so that a teacher can hand out a broken one.

Everything that is not said is as on a good machine. docs/machines.md lists the fields with the check that each one
can make fail. Beside the description only two things are looked at for real: the ports that are in use and the files
below the node's root.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

PROGRAMS = frozenset(
    [
        "conntrack",
        "crictl",
        "ip",
        "iptables",
        "mount",
        "nsenter",
        "ethtool",
        "tc",
        "touch",
        "losetup",
        "cp",
        "socat",
        "ebtables",
        "kubelet",
    ]
)
GOOD_FILES = {
    "/proc/sys/net/ipv4/ip_forward": "1",
    "/proc/sys/net/ipv6/conf/default/forwarding": "1",
}


AUTO = "auto"


class BadDescription(Exception):
    """The description makes no sense; the text says where."""


class Machine(Struct, frozen=True):
    hostname: str = "control-plane"
    address: str = "127.0.0.1"  # of the default route: what the API server advertises
    cpus: int = 4
    memory: int = 8 << 30  # bytes
    swap: bool = False
    os: str = "Linux"
    kernel: str = "6.8.0-generic"
    cgroups: int = 2  # version
    cgroup_controllers: Sequence[str] = ("cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids", "hugetlb",
                                         "io", "blkio")  # fmt: skip
    kernel_modules: Sequence[str] = ("configs", "overlay", "br_netfilter")
    root: bool = True  # the user is root
    init_system: str = "systemd"  # none: empty
    services: Mapping[str, Mapping[str, bool]] = field(default_factory=lambda: {"kubelet": {"enabled": True}})
    programs: frozenset[str] = PROGRAMS  # on the PATH
    files: Mapping[str, str] = field(default_factory=lambda: GOOD_FILES)  # beside those below the node's root
    ports: Mapping[int, str] = field(default_factory=dict)  # taken: port -> by what
    resolves: bool = True  # its own name, in DNS
    dns_server: str = "10.0.0.53:53"
    kubelet_version: str = AUTO  # what `kubelet --version` says, AUTO: as the control plane; empty: there is none
    runtime: str = "running"  # absent: nothing listens at the runtime's endpoint; else the complaint
    runtime_version: str = "2.1.4"
    sandbox_image: str = ""  # that the runtime is configured for; empty: the one of this Kubernetes
    proxy: str = ""  # HTTPS_PROXY
    no_proxy: str = ""
    ca_directories: Sequence[str] = ("/etc/ca-certificates", "/usr/local/share/ca-certificates",
                                     "/usr/share/ca-certificates")  # fmt: skip


def described(document: Mapping[str, Any], base: Machine) -> Machine:
    """`base`, changed by what a description says. `programs` and `files` are given as differences:
    `missingPrograms: [conntrack]`, `files: {/proc/sys/net/ipv4/ip_forward: "0"}` (null takes a file away)."""
    if not isinstance(document, Mapping):
        raise BadDescription("a machine's description is a map")
    known = {_camel(name): name for name in Machine.__struct_fields__}
    changes: dict[str, Any] = {}
    for key, value in document.items():
        if key == "missingPrograms":
            changes["programs"] = base.programs - set(value)
        elif key == "files":
            merged = {**base.files, **value}
            changes["files"] = {path: str(text) for path, text in merged.items() if text is not None}
        elif key == "services":
            changes["services"] = {**base.services, **{name: dict(state or {}) for name, state in value.items()}}
        elif key == "memory":
            changes["memory"] = _bytes(value)
        elif key == "ports":
            changes["ports"] = {int(port): str(holder) for port, holder in value.items()}
        elif key in known and key != "programs":
            changes[known[key]] = _typed(key, value, getattr(base, known[key]))
        else:
            raise BadDescription(f"unknown field {key!r}: one of {', '.join(sorted([*known, 'missingPrograms']))}")
    return replace(base, **changes)


def load(path: str, base: Machine) -> Machine:
    import yaml

    with open(path) as file:
        try:
            document = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError as error:
            raise BadDescription(f"{path}: {error}") from None
    try:
        return described(document or {}, base)
    except (BadDescription, ValueError, TypeError, AttributeError) as error:
        raise BadDescription(f"{path}: {error}") from None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _bytes(value: int | str) -> int:
    from minikube_edu.api import quantity

    return int(value) if isinstance(value, int) else quantity.parse(value).value()


def _typed(key: str, value: Any, like: Any) -> Any:
    if isinstance(like, tuple):
        return tuple(value)
    if isinstance(like, bool) is not isinstance(value, bool) or not isinstance(value, type(like)):
        raise BadDescription(f"{key}: {value!r} is no {type(like).__name__}")
    return value
