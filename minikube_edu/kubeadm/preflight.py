"""Checks of the machine before anything is done: each one evaluated, warnings and errors by the real rules.

A check (`machine_checks`) has a name (by which `--ignore-preflight-errors` makes its errors warnings) and gives
warnings and errors. What it looks at is the host's description of its machine (`machine.py`), the files below the
node's root, and the ports that are in use. `checks_init` and `checks_join` are the lists, in the real order.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, TextIO

from minikube_edu.kubeadm import constants
from minikube_edu.kubeadm.command import CommandError
from minikube_edu.kubeadm.config.configuration import Configuration, split
from minikube_edu.kubeadm.machine_checks import (
    IPV4_FORWARD,
    IPV6_FORWARD,
    Check,
    Checks,
    Found,
    kubelet_version,
    runtime_complaint,
)

if TYPE_CHECKING:
    from minikube_edu.kubeadm.contract import Host

__all__ = [
    "Check",
    "Found",
    "checks_init",
    "checks_join",
    "checks_root",
    "checks_upgrade",
    "kubelet_version",
    "run",
    "runtime_complaint",
]


async def run(checks: Iterable[Check], ignored: frozenset[str], err: TextIO) -> None:
    """`ignored`: names in small letters, or `all`."""
    errors = []
    for check in checks:
        found = check.look()
        warnings, failures = found if isinstance(found, tuple) else await found
        if "all" in ignored or check.name.lower() in ignored:
            warnings, failures = [*warnings, *failures], []
        for text in warnings:
            err.write(f"\t[WARNING {check.name}]: {text}\n")
        errors += [f"\t[ERROR {check.name}]: {text}\n" for text in failures]
    if errors:
        fatal("".join(errors), err)


def fatal(listed: str, err: TextIO) -> None:
    err.write(
        f"[preflight] Some fatal errors occurred:\n{listed}[preflight] If you know what you are doing, you can make a "
        "check non-fatal with `--ignore-preflight-errors=...`\n"
    )
    raise CommandError("preflight checks failed")


# -- the lists -------------------------------------------------------------------------------------------------------


def checks_root(host: Host) -> list[Check]:
    def look() -> Found:
        return [], [] if host.machine.root else ["user is not running as root"]

    return [Check("IsPrivilegedUser", look)]


def checks_init(
    host: Host, configuration: Configuration, *, secondary: bool = False, downloads: bool = False
) -> list[Check]:
    """`secondary`: of a control plane that joins, for which the common checks were made already."""
    make = Checks(host)
    port = configuration.bind_port
    found = [
        make.cpus(),
        make.memory(),
        make.kubernetes_version(configuration.version),
        make.firewalld([port, constants.KUBELET_PORT]),
        *(make.port(one) for one in (port, constants.SCHEDULER_PORT, constants.MANAGER_PORT)),
        *(make.file_available(f"{constants.MANIFESTS}/{name}.yaml") for name in (*constants.CONTROL_PLANE, "etcd")),
        make.proxy(configuration.advertise),
    ]
    networks = [configuration.networking.get(key) or "" for key in ("serviceSubnet", "podSubnet")]
    subnets = [one for network in networks for one in network.split(",") if one]
    found += [make.proxy_of_network(one) for one in subnets]
    if not secondary:
        registration = configuration.init["nodeRegistration"]
        found += make.common(registration["name"], registration["criSocket"], configuration.version)
        addresses = [*subnets, configuration.advertise]
        if any(":" not in one for one in addresses):
            found.append(make.file_content(IPV4_FORWARD, "1"))
        if any(":" in one for one in addresses):
            found.append(make.file_content(IPV6_FORWARD, "1"))
        if configuration.external_etcd is not None:
            found.append(make.external_etcd_version(configuration.external_etcd))
    local = configuration.cluster["etcd"].get("local")
    if local:
        found += [
            make.port(constants.ETCD_CLIENT),
            make.port(constants.ETCD_PEER),
            make.directory_empty(local["dataDir"]),
        ]
    external = configuration.external_etcd
    if external is not None and not (secondary and downloads):
        paths = [external.get(key) or "" for key in ("caFile", "certFile", "keyFile")]
        found += [make.file_existing(path, "ExternalEtcdClientCertificates") for path in paths if path]
    return found


def checks_join(host: Host, join: dict[str, object], registration: dict[str, str]) -> list[Check]:
    make = Checks(host)
    found = [make.file_available(path) for path in (constants.KUBELET_CONF, constants.BOOTSTRAP_KUBELET_CONF)]
    found += make.common(registration["name"], registration["criSocket"], "")
    if not join.get("controlPlane"):
        found.append(make.file_available(str(join["caCertPath"])))
    discovery = join.get("discovery")
    token = discovery.get("bootstrapToken") if isinstance(discovery, dict) else None
    if token:
        address = split(token["apiServerEndpoint"])[0]
        found.append(make.proxy(address))
        if ":" in address:
            found.append(make.file_content(IPV6_FORWARD, "1"))
        elif re.fullmatch(r"[0-9.]+", address):
            found.append(make.file_content(IPV4_FORWARD, "1"))
    return found


def checks_upgrade(host: Host) -> list[Check]:
    return [Checks(host).system()]
