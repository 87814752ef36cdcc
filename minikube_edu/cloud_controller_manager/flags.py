"""cloud-controller-manager's flags, by their real names, and what the local cloud needs besides."""

from __future__ import annotations

import argparse

_FLAGS: dict[str, tuple[str, str]] = {
    "kubeconfig": ("", "how to reach the API server"),
    "cloud-provider": ("local", "the cloud: only 'local'"),
    "cloud-config": ("", "YAML file: instances (names of machines), region, zone, instanceType"),
    "cluster-name": ("kubernetes", "name of the cluster"),
    "controllers": ("*", "which run: '*', names, '-name' for all but that one"),
    "configure-cloud-routes": ("false", "whether nodes' pods are reachable through routes of the cloud"),
    "leader-elect": ("true", "of several managers, one works"),
    "node-monitor-period": ("5s", "how often nodes are compared with machines"),
    "load-balancer-range": ("127.0.10.0/24", "addresses that load balancers get"),
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="cloud-controller-manager",
        description="Load balancers and machines of a cloud that is this computer.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    for name, (default, meaning) in _FLAGS.items():
        more = {"nargs": "?", "const": "true"} if default in ("true", "false") else {}
        made.add_argument(f"--{name}", default=default, help=meaning, **more)  # type: ignore[arg-type]  # as a table
    return made
