"""The file that containers of a pod see as /etc/hosts: kept by the kubelet, shared by the pod's containers.

A pod on the host's network gets the node's own file. Aliases of `spec.hostAliases` come at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

Object = dict[str, Any]

NAME = "etc-hosts"  # in the pod's directory
PATH = "/etc/hosts"
HEADER = "# Kubernetes-managed hosts file.\n"
HOST_HEADER = "# Kubernetes-managed hosts file (host network).\n"
FIXED = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n"
)


def content(addresses: Sequence[str], name: str, domain: str, aliases: Sequence[Object]) -> str:
    names = f"{name}.{domain}\t{name}" if domain else name
    return HEADER + FIXED + "".join(f"{address}\t{names}\n" for address in addresses) + _aliases(aliases)


def host_content(node_file: Path, aliases: Sequence[Object]) -> str:
    """The node's file; one that is not there is empty but for localhost."""
    try:
        text = node_file.read_text()
    except FileNotFoundError:
        text = "127.0.0.1\tlocalhost\n"
    return HOST_HEADER + text + _aliases(aliases)


def _aliases(aliases: Sequence[Object]) -> str:
    if not aliases:
        return ""
    lines = "".join("{}\t{}\n".format(alias["ip"], "\t".join(alias.get("hostnames") or ())) for alias in aliases)
    return "\n# Entries added by HostAliases.\n" + lines
