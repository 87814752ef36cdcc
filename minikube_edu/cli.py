"""The command line: `minikube-edu up | down | reset | status | kubeconfig | kubectl … | etcdctl …`.

Every heavy import is inside the command that needs it, so that `--help` stays cheap.
"""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

app = typer.Typer(
    name="minikube-edu",
    help="The Kubernetes that pip installs: a cluster in readable Python, for learning and for tests.",
    no_args_is_help=True,
    add_completion=False,
)

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command()
def up(
    nodes: Annotated[int | None, typer.Option(help="How many worker nodes.", min=0)] = None,
    port: Annotated[int | None, typer.Option(help="Port of the API server.", min=1, max=65535)] = None,
    network: Annotated[str | None, typer.Option(help="Network add-on, or none.")] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Control plane and instant light nodes, nothing else.")] = False,
) -> None:
    """Start the cluster, or bring it back; then show it."""
    from minikube_edu.cluster import control_plane
    from minikube_edu.cluster.failures import CannotStart
    from minikube_edu.cluster.layout import Layout, Request

    layout = Layout()
    request = layout.read_request() or Request()
    request.nodes = request.nodes if nodes is None else nodes
    request.port = request.port if port is None else port
    request.network = request.network if network is None else network
    request.bare = request.bare or bare
    try:
        control_plane.up(layout, request)
    except CannotStart as error:
        fail(str(error))
    show(layout)
    typer.echo(f"\nexport KUBECONFIG={layout.kubeconfig}\nkubectl get nodes")


@app.command()
def down() -> None:
    """Stop the cluster; all its objects stay for the next `up`."""
    from minikube_edu.cluster import control_plane
    from minikube_edu.cluster.layout import Layout

    stopped = control_plane.down(Layout())
    typer.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def reset() -> None:
    """Stop the cluster and forget all of it."""
    from minikube_edu.cluster import control_plane
    from minikube_edu.cluster.layout import Layout

    control_plane.reset(Layout())
    typer.echo("the cluster is gone; `minikube-edu up` makes a new one")


@app.command()
def status() -> None:
    """Which seats run. Exit code 1 when one does not."""
    from minikube_edu.cluster.layout import Layout

    layout = Layout()
    if not layout.exists():
        fail("there is no cluster; make one with `minikube-edu up`")
    if not show(layout):
        raise typer.Exit(1)


def show(layout: object) -> bool:
    """Print the seats; True when all run."""
    from minikube_edu.cluster import control_plane
    from minikube_edu.cluster.layout import Layout

    assert isinstance(layout, Layout)
    request = layout.read_request()
    seats = control_plane.status(layout)
    typer.echo(f"cluster   https://127.0.0.1:{request.port if request else '?'}   ({layout.root})")
    for seat in seats:
        name = f"{seat.node}/{seat.name}" if seat.node else seat.name
        typer.echo(f"{name:<40}{f'running, pid {seat.pid}' if seat.pid else 'stopped'}")
    return all(seat.pid for seat in seats)


@app.command()
def kubeconfig() -> None:
    """Print a kubeconfig that any client can use."""
    from minikube_edu.cluster.layout import Layout

    try:
        sys.stdout.write(Layout().kubeconfig.read_text())
    except OSError:
        fail("there is no cluster; make one with `minikube-edu up`")


@app.command()
def store(
    changes: Annotated[int, typer.Option(help="How many of the newest changes to show.", min=0)] = 10,
) -> None:
    """Look into the one file that holds the cluster's state."""
    from rich.console import Console
    from rich.table import Table

    from minikube_edu.cluster.layout import Layout
    from minikube_edu.cluster.store_view import look

    try:
        found, lines = look(Layout(), changes)
    except FileNotFoundError:
        fail("there is no cluster; make one with `minikube-edu up`")
    console = Console(soft_wrap=True)
    console.print(f"{found.path}: {found.size} bytes, and {found.log_size} in the write-ahead log")
    console.print(f"revision {found.revision}, {found.keys} keys, {found.superseded} older versions kept")
    console.print(found.schema, highlight=False)
    table = Table("revision", "version", "bytes", "key", box=None)
    for line in lines:
        table.add_row(str(line.revision), str(line.version) if line.version else "deleted", str(line.size), line.key)
    console.print(table)


@app.command()
def shell(
    node: Annotated[str, typer.Argument(help="Which node; the control plane if none is named.")] = "",
    command: Annotated[str, typer.Option("-c", help="Run this instead of an interactive shell.")] = "",
) -> None:
    """A shell on a node: kubectl, kubeadm, crictl, etcdctl, systemctl, journalctl as a course types them."""
    from minikube_edu.cluster import nodes
    from minikube_edu.cluster.layout import Layout
    from minikube_edu.cluster.shell.session import open_shell

    layout = Layout()
    if not layout.exists():
        fail("there is no cluster; make one with `minikube-edu up`")
    known = nodes.of(layout)
    found = nodes.find(layout, node) if node else next(iter(known), None)
    if node and found is None:
        fail(f"there is no node {node!r}; there are: {', '.join(one.name for one in known) or 'none'}")
    raise typer.Exit(open_shell(layout, found, command))


@app.command(context_settings=PASS_ON)
def kubectl(context: typer.Context) -> None:
    """kubectl on this cluster; its verbs stand at the top level too: `minikube-edu get pods`."""
    from minikube_edu.cluster import kubectl_door

    kubectl_door.run(context.args)


@app.command(context_settings=PASS_ON)
def etcdctl(context: typer.Context) -> None:
    """Look into the store of the cluster: `etcdctl get /registry --prefix --keys-only`."""
    from minikube_edu.cluster import store_door
    from minikube_edu.cluster.layout import Layout

    raise typer.Exit(store_door.etcdctl(Layout(), context.args))


def fail(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(1)
