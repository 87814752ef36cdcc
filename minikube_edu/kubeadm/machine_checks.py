"""The checks of a machine, one a method: what each looks at, what it warns of, what it calls an error.

In the order of the real kubeadm's own file. `preflight` says which are made when.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from minikube_edu.kubeadm import constants, files, releases
from minikube_edu.kubeadm.machine import AUTO

if TYPE_CHECKING:
    from minikube_edu.kubeadm.contract import Host

Found = tuple[list[str], list[str]]  # warnings, errors

MIN_CPUS, MIN_MEMORY = 2, 1700 << 20
IPV4_FORWARD = "/proc/sys/net/ipv4/ip_forward"
IPV6_FORWARD = "/proc/sys/net/ipv6/conf/default/forwarding"
KERNELS = re.compile(r"4\.19.*|4\.[2-9][0-9].*|([5-9]|[1-9][0-9]+)\.[0-9]+\.[0-9]+.*")
REQUIRED_PROGRAMS = ("losetup", "mount", "cp")
SWAP = (
    "swap is supported for cgroup v2 only. The kubelet must be properly configured to use swap. Please refer to "
    "https://kubernetes.io/docs/concepts/architecture/nodes/#swap-memory, or disable swap on the node"
)
CGROUPS_V1 = (
    "cgroups v1 support is deprecated and will be removed in a future release. Please migrate to cgroups v2. To "
    "explicitly enable cgroups v1 support for kubelet v1.35 or newer, you must set the kubelet configuration option "
    "'FailCgroupV1' to 'false'. You must also explicitly skip this validation. For more information, see "
    "https://git.k8s.io/enhancements/keps/sig-node/5573-remove-cgroup-v1"
)
NO_INIT_SYSTEM = "no supported init system detected, skipping checking for services"
CONTROLLERS = {1: ("cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"),
               2: ("cpu", "cpuset", "devices", "freezer", "memory", "pids")}  # fmt: skip
QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")


class Check(Struct, frozen=True):
    name: str
    look: Callable[[], Found | Awaitable[Found]]


class Checks:
    """Each method makes one check of a host."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.machine = host.machine

    def common(self, node: str, socket: str, version: str) -> list[Check]:
        return [
            self.runtime("CRI", socket),
            self.runtime("ContainerRuntimeVersion", socket),
            self.swap(),
            *(self.program(name) for name in REQUIRED_PROGRAMS),
            self.system(),
            self.hostname(node),
            self.kubelet_version(version),
            self.service("kubelet"),
            self.port(constants.KUBELET_PORT),
        ]

    def cpus(self) -> Check:
        def look() -> Found:
            count = self.machine.cpus
            few = f"the number of available CPUs {count} is less than the required {MIN_CPUS}"
            return [], [few] if count < MIN_CPUS else []

        return Check("NumCPU", look)

    def memory(self) -> Check:
        def look() -> Found:
            have, need = self.machine.memory >> 20, MIN_MEMORY >> 20
            return [], [f"the system RAM ({have} MB) is less than the minimum {need} MB"] if have < need else []

        return Check("Mem", look)

    def kubernetes_version(self, version: str) -> Check:
        def look() -> Found:
            major, minor = (int(part) for part in version.lstrip("v").split(".")[:2])
            if (major, minor) <= releases.newest():
                return [], []
            return [
                "Kubernetes version is greater than kubeadm version. Please consider to upgrade kubeadm. Kubernetes "
                f"version: {version.lstrip('v')}. Kubeadm version: {'.'.join(map(str, releases.newest()))}.x"
            ], []

        return Check("KubernetesVersion", look)

    def firewalld(self, ports: Sequence[int]) -> Check:
        def look() -> Found:
            if not self.machine.init_system:
                return [NO_INIT_SYSTEM], []
            if self.machine.services.get("firewalld", {}).get("active"):
                shown = " ".join(map(str, ports))
                return [
                    f"firewalld is active, please ensure ports [{shown}] are open or your cluster may not function "
                    "correctly"
                ], []
            return [], []

        return Check("Firewalld", look)

    def port(self, port: int) -> Check:
        def look() -> Found:
            pid = self.host.port_holder(port)
            if pid is None and port not in self.machine.ports:
                return [], []
            # The real kubeadm does not know by whom.
            known = f"pid {pid}" if pid else self.machine.ports.get(port, "")
            return [], [f"Port {port} is in use{f' by {known}' if known else ''}"]

        return Check(f"Port-{port}", look)

    def file_available(self, path: str) -> Check:
        def look() -> Found:
            there = path in self.machine.files or files.exists(self.host, path)
            return [], [f"{path} already exists"] if there else []

        return Check(f"FileAvailable-{path.replace('/', '-')}", look)

    def file_existing(self, path: str, label: str) -> Check:
        def look() -> Found:
            there = path in self.machine.files or files.exists(self.host, path)
            return [], [] if there else [f"{path} doesn't exist"]

        return Check(label, look)

    def file_content(self, path: str, content: str) -> Check:
        def look() -> Found:
            if path not in self.machine.files:
                return [], [f"{path} does not exist"]
            if not self.machine.files[path].startswith(content):
                return [], [f"{path} contents are not set to {content}"]
            return [], []

        return Check(f"FileContent-{path.replace('/', '-')}", look)

    def directory_empty(self, path: str) -> Check:
        def look() -> Found:
            folder = self.host.path(path)
            described = any(one.startswith(path + "/") for one in self.machine.files)
            full = described or (folder.is_dir() and any(folder.iterdir()))
            return [], [f"{path} is not empty"] if full else []

        return Check(f"DirAvailable-{path.replace('/', '-')}", look)

    def program(self, name: str) -> Check:
        def look() -> Found:
            return [], [] if name in self.machine.programs else [f"{name} not found in system path"]

        return Check(f"FileExisting-{name}", look)

    def runtime(self, name: str, socket: str) -> Check:
        def look() -> Found:
            complaint = runtime_complaint(self.host, socket)
            return [], [complaint] if complaint else []

        return Check(name, look)

    def swap(self) -> Check:
        return Check("Swap", lambda: ([SWAP], []) if self.machine.swap else ([], []))

    def system(self) -> Check:
        def look() -> Found:
            machine = self.machine
            warnings: list[str] = []
            errors: list[str] = []
            if not KERNELS.fullmatch(machine.kernel):
                errors.append(f"kernel release {machine.kernel} is unsupported. Supported LTS versions from the 4.x "
                              "series are 4.19. Any 5.x or 6.x versions are also supported. For cgroups v2 support, "
                              "the recommended version is 5.10 or newer")  # fmt: skip
            if machine.os != "Linux":
                errors.append(f"unsupported operating system: {machine.os}")
            missing = [one for one in CONTROLLERS.get(machine.cgroups, ()) if one not in machine.cgroup_controllers]
            if missing:
                errors.append(f"missing required cgroups: {' '.join(missing)}")
            version, complaint = kubelet_version(self.host)
            if complaint:
                errors.append(f"couldn't get kubelet version: {complaint}")
            elif machine.cgroups == 1:
                (errors if version >= (1, 35, 0) else warnings).append(CGROUPS_V1)
            return warnings, errors

        return Check("SystemVerification", look)

    def hostname(self, node: str) -> Check:
        def look() -> Found:
            warnings = []
            if not QUALIFIED.fullmatch(node) or len(node) > 63:
                warnings.append(
                    f"invalid node name format \"{node}\": name part must consist of alphanumeric characters, '-', "
                    "'_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or "
                    "'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?"
                    "[A-Za-z0-9]')"
                )
            if not self.machine.resolves:
                warnings.append(f'hostname "{node}" could not be reached')
                warnings.append(f'hostname "{node}": lookup {node} on {self.machine.dns_server}: no such host')
            return warnings, []

        return Check("Hostname", look)

    def kubelet_version(self, wanted: str) -> Check:
        def look() -> Found:
            version, complaint = kubelet_version(self.host, wanted)
            if complaint:
                return [], [f"couldn't get kubelet version: {complaint}"]
            shown = self.machine.kubelet_version.lstrip("v")
            if version[:2] < releases.oldest_kubelet():
                return [], [f'Kubelet version "{shown}" is lower than kubeadm can support. Please upgrade kubelet']
            plain = wanted.lstrip("v")
            if plain and version[:2] > tuple(int(part) for part in plain.split(".")[:2]):
                return [], [
                    "the kubelet version is higher than the control plane version. This is not a supported version "
                    f'skew and may lead to a malfunctional cluster. Kubelet version: "{shown}" Control plane version: '
                    f'"{plain}"'
                ]
            return [], []

        return Check("KubeletVersion", look)

    def service(self, name: str) -> Check:
        def look() -> Found:
            if not self.machine.init_system:
                return [NO_INIT_SYSTEM], []
            state = self.machine.services.get(name)
            if state is None:
                return [f"{name} service does not exist"], []
            if state.get("enabled"):
                return [], []
            return [f"{name} service is not enabled, please run 'systemctl enable {name}.service'"], []

        return Check(f"Service-{name}", look)

    def proxy(self, host: str) -> Check:
        def look() -> Found:
            if not self._proxied(host):
                return [], []
            shown = f"[{host}]:1234" if ":" in host else host
            return [
                f'Connection to "https://{shown}" uses proxy "{self.machine.proxy}". If that is not intended, adjust '
                "your proxy settings"
            ], []

        return Check("HTTPProxy", look)

    def proxy_of_network(self, network: str) -> Check:
        def look() -> Found:
            import ipaddress

            first = str(ipaddress.ip_network(network, strict=False)[1])
            if not self._proxied(first):
                return [], []
            return [
                f'connection to "{network}" uses proxy "{self.machine.proxy}". This may lead to malfunctional cluster '
                "setup. Make sure that Pod and Services IP ranges specified correctly as exceptions in proxy "
                "configuration"
            ], []

        return Check("HTTPProxyCIDR", look)

    def _proxied(self, host: str) -> bool:
        """As net/http decides: NO_PROXY has names, suffixes, addresses and networks; localhost is never proxied."""
        import ipaddress

        if not self.machine.proxy or host in ("localhost", "127.0.0.1", "::1"):
            return False
        for entry in filter(None, (one.strip() for one in self.machine.no_proxy.split(","))):
            if entry == "*" or host == entry or host.endswith(entry if entry.startswith(".") else "." + entry):
                return False
            try:
                if "/" in entry and ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False):
                    return False
            except ValueError:
                continue
        return True

    def external_etcd_version(self, external: dict[str, object]) -> Check:
        def look() -> Found:
            ca = str(external.get("caFile") or "")
            if ca and not files.exists(self.host, ca):
                return [], [
                    f"couldn't load external etcd's server certificate {ca}: open {ca}: no such file or directory"
                ]
            return [], []

        return Check("ExternalEtcdVersion", look)


def runtime_complaint(host: Host, socket: str) -> str:
    """Empty when the runtime answers."""
    state = host.machine.runtime
    if state == "running" and host.runtime is not None:
        return ""
    path = socket.removeprefix("unix://")
    why = (
        f'connection error: desc = "transport: Error while dialing: dial unix {path}: connect: no such file or '
        'directory"'
        if state in ("absent", "running")
        else state
    )
    code = "Unavailable" if state in ("absent", "running") else "Unknown"
    return (
        "could not connect to the container runtime: failed to create new CRI runtime service: validate service "
        f'connection: validate CRI v1 runtime API for endpoint "{socket}": rpc error: code = {code} desc = {why}'
    )


def kubelet_version(host: Host, wanted: str = "") -> tuple[tuple[int, ...], str]:
    """(1, 36, 3), or why it is not known. `wanted`: the control plane's version, which an AUTO kubelet has."""
    text = host.machine.kubelet_version
    text = (wanted or releases.version()) if text == AUTO else text
    if not text or "kubelet" not in host.machine.programs:
        return (), "cannot execute 'kubelet --version': executable file not found in $PATH"
    matched = re.fullmatch(r"v?([0-9]+)\.([0-9]+)\.([0-9]+)(?:[-+].*)?", text)
    if matched is None:
        return (), f'Unable to parse output from Kubelet: "Kubernetes {text}"'
    return tuple(int(part) for part in matched.groups()), ""
