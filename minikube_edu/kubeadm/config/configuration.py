"""What a run of kubeadm is configured with: v1beta4 documents, defaulted, as dicts.

`init` and `cluster` belong together (a ClusterConfiguration is stored in the cluster, an InitConfiguration is of one
machine); `kubelet` and `proxy` are the component configurations. A document that the user gave for a component is
marked in `supplied`: it is stored without kubeadm's hash, so that an upgrade does not overwrite it.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

Object = dict[str, Any]


class Configuration(Struct):
    init: Object
    cluster: Object
    kubelet: Object
    proxy: Object
    supplied: set[str] = field(default_factory=set)  # KubeletConfiguration, KubeProxyConfiguration

    @property
    def node_name(self) -> str:
        return str(self.init["nodeRegistration"]["name"])

    @property
    def version(self) -> str:
        return str(self.cluster["kubernetesVersion"])

    @property
    def networking(self) -> Object:
        found: Object = self.cluster["networking"]
        return found

    @property
    def advertise(self) -> str:
        return str(self.init["localAPIEndpoint"]["advertiseAddress"])

    @property
    def bind_port(self) -> int:
        return int(self.init["localAPIEndpoint"]["bindPort"])

    @property
    def certificates(self) -> str:
        return str(self.cluster["certificatesDir"])

    @property
    def local_endpoint(self) -> str:
        """`https://ADDRESS:PORT` of this machine's API server."""
        return f"https://{joined(self.advertise, self.bind_port)}"

    @property
    def endpoint(self) -> str:
        """`https://HOST:PORT` that all nodes use: the load balancer's where there is one."""
        given = self.cluster.get("controlPlaneEndpoint") or ""
        if not given:
            return self.local_endpoint
        host, port = split(given)
        return f"https://{joined(host, int(port or self.bind_port))}"

    @property
    def external_etcd(self) -> Object | None:
        found: Object | None = self.cluster["etcd"].get("external")
        return found

    @property
    def kubernetes(self) -> tuple[int, int]:
        """(1, 36)"""
        major, minor = self.version.lstrip("v").split(".")[:2]
        return int(major), int(minor)

    def timeout(self, name: str) -> float:
        from minikube_edu.lib import durations

        return durations.seconds(self.init["timeouts"][name])

    def indexed_service_ip(self, index: int) -> str:
        """The index-th address of the (first) service network: 1 is the API server's, 10 is DNS's."""
        import ipaddress

        first = self.networking["serviceSubnet"].split(",")[0]
        return str(ipaddress.ip_network(first, strict=False)[index])


def joined(host: str, port: int | str) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def split(endpoint: str) -> tuple[str, str]:
    """Host and port of `host`, `host:port`, `[v6]:port` or a bare IPv6 address."""
    if endpoint.startswith("["):
        host, _, port = endpoint[1:].partition("]")
        return host, port.lstrip(":")
    if endpoint.count(":") > 1:
        return endpoint, ""
    host, _, port = endpoint.partition(":")
    return host, port


def arguments(base: dict[str, str], extra: list[Object] | None) -> list[str]:
    """A component's command line: defaults that nobody overrides, and all that was asked for, in order."""
    asked = [(str(one["name"]), str(one.get("value") or "")) for one in extra or ()]
    names = {name for name, _ in asked}
    asked += [(name, value) for name, value in base.items() if name not in names]
    return [f"--{name}={value}" for name, value in sorted(asked)]


def argument(extra: list[Object] | None, name: str) -> str | None:
    """The last value that was asked for a flag."""
    return next((str(one.get("value") or "") for one in reversed(extra or ()) if one["name"] == name), None)
