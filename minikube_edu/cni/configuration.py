"""What lies in /etc/cni/net.d: which plugin wires this node's sandboxes, and with which range.

The runtime takes the first file by name that ends in .conf, .conflist or .json and can be read as a network; until
there is one, nodes are NotReady: `cni plugin not initialized`. A network add-on's DaemonSet (or `up`) puts it there.

The range stands in the file (`ipam.subnet`, `ipam.ranges`), or in what flannel's daemon leaves in
/run/flannel/subnet.env; plugins with an IPAM of their own (calico, cilium, weave) and files without a range use the
node's pod range, which the kubelet tells the runtime.

The real runtime executes one program of /opt/cni/bin a plugin; here the fabric does what they do.
"""

from __future__ import annotations

import functools
import ipaddress
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

NOT_INITIALIZED = "cni plugin not initialized"
SUFFIXES = (".conf", ".conflist", ".json")
FLANNEL = "run/flannel/subnet.env"


class Network(Struct, frozen=True):
    name: str
    type: str  # of the plugin that makes the interface: bridge, flannel, calico, …
    subnet: str = ""  # as the file has it; empty: the node's pod range
    file: str = ""
    version: str = "0.3.1"


def configured(root: Path) -> Network | None:
    """The network of the node whose root directory this is."""
    directory = root / "etc/cni/net.d"
    try:
        names = sorted(name for name in os.listdir(directory) if name.endswith(SUFFIXES))
    except OSError:
        return None
    for name in names:
        try:
            network = parse((directory / name).read_text(), name)
        except (OSError, ValueError):
            continue  # the real one logs it, and tries the next file
        if network is not None:
            if network.type == "flannel" and not network.subnet:
                return _flannel(network, root)
            return network
    return None


@functools.lru_cache(maxsize=64)  # asked for every few seconds, by as many nodes as there are
def parse(text: str, file: str = "") -> Network | None:
    """The network that a file describes; None when it names no plugin; ValueError when it is no JSON."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("no object")
    plugins = document.get("plugins") if "plugins" in document else [document]
    if not isinstance(plugins, list) or not plugins or not isinstance(plugins[0], dict):
        return None
    plugin = plugins[0]
    kind = plugin.get("type")
    if not isinstance(kind, str) or not kind:
        return None
    name = str(document.get("name") or plugin.get("name") or "")
    return Network(name, kind, _range(plugin.get("ipam")), file, str(document.get("cniVersion", "0.3.1")))


def _range(ipam: Any) -> str:
    """The first range of an ipam section that is one; `usePodCidr` and the like are no range."""
    if not isinstance(ipam, Mapping):
        return ""
    candidates = [ipam.get("subnet")]
    for ranges in ipam.get("ranges") or []:
        candidates += [part.get("subnet") for part in ranges if isinstance(part, Mapping)]
    for candidate in candidates:
        try:
            return str(ipaddress.ip_network(str(candidate), strict=False))
        except ValueError:
            continue
    return ""


def _flannel(network: Network, root: Path) -> Network:
    try:
        lines = (root / FLANNEL).read_text().splitlines()
    except OSError:
        return network
    settings = dict(line.split("=", 1) for line in lines if "=" in line)
    subnet = _range({"subnet": settings.get("FLANNEL_SUBNET", "")})
    return Network(network.name, network.type, subnet, network.file, network.version)
