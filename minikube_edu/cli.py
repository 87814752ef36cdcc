"""The command line of our own: `minikube-edu up | down | reset | status | kubeconfig | store | shell | node …`.

kubectl, kubeadm, crictl, etcdctl and kubectl's verbs never come here (cluster/command_line.py). Every heavy import is
inside the command that needs it, so that `--help` stays cheap.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from minikube_edu.cluster import up_command
from minikube_edu.cluster.layout import Layout, Request
from minikube_edu.cluster.words import LANGUAGES, say

if TYPE_CHECKING:
    from minikube_edu.cluster.nodes import Node

NODES_HELP = (
    "How many nodes: up to 8 machines; of more, the first three are machines and the rest light nodes of one process. "
    "Of a bare cluster: instant light nodes."
)

app = typer.Typer(
    name="minikube-edu",
    help="The Kubernetes that pip installs: a cluster in readable Python, for learning and for tests.",
    invoke_without_command=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog="kubectl's verbs stand here too: minikube-edu get pods. So do kubeadm's init and join, "
    "and the tools: minikube-edu kubectl | kubeadm | crictl | etcdctl | systemctl | journalctl.",
)
node_app = typer.Typer(help="The machines of the cluster: list, add, delete, stop, start, shell.", no_args_is_help=True)
app.add_typer(node_app, name="node")


@app.callback()
def main(
    context: typer.Context,
    lang: Annotated[str, typer.Option(help=f"Language of this program's own words: {', '.join(LANGUAGES)}.")] = "",
) -> None:
    if lang:
        if lang not in LANGUAGES:
            fail(f"--lang {lang}: one of {', '.join(LANGUAGES)}")
        os.environ["MINIKUBE_EDU_LANG"] = lang
    if context.invoked_subcommand is None:
        welcome()


def refuse_unknown(words: list[str]) -> None:
    """A word that is no command, of ours or of kubectl's, ends with those that may have been meant."""
    own = [one.name or getattr(one.callback, "__name__", "").replace("_", "-") for one in app.registered_commands]
    own += [group.name for group in app.registered_groups if isinstance(group.name, str)]
    if not words or words[0].startswith("-") or words[0] in own:
        return
    from difflib import get_close_matches

    from minikube_edu.cluster.command_line import KUBEADM_VERBS, TOOLS
    from minikube_edu.kubectl.command_table import COMMANDS

    known = dict.fromkeys([*own, *(entry.name for entry in COMMANDS), *KUBEADM_VERBS, *TOOLS])
    close = get_close_matches(words[0], known, 3, 0.6)
    meant = "\n\nDid you mean this?\n" + "\n".join(f"\t{name}" for name in close) if close else ""
    sys.exit(up_command.fail(f'unknown command "{words[0]}" for "minikube-edu"{meant}\nRun `minikube-edu --help`.'))


def welcome() -> None:
    """What a new user sees first."""
    if Layout().exists():
        up_command.what_next()
        return
    typer.echo(say("welcome") + "\n")
    for command, key in (("up", "welcome-up"), ("init", "welcome-init"), ("--help", "welcome-help")):
        typer.echo(f"  minikube-edu {command:<10}  {say(key)}")


@app.command()
def up(
    nodes: Annotated[int | None, typer.Option(help=NODES_HELP)] = None,
    port: Annotated[int | None, typer.Option(help="Port of the API server.", min=1, max=65535)] = None,
    network: Annotated[str | None, typer.Option(help="Network add-on: bridge, or none.")] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Control plane and instant light nodes, nothing else.")] = False,
) -> None:
    """Start the cluster, or bring it back; then show it."""
    raise typer.Exit(up_command.run(nodes, port, network, bare))


@app.command()
def down() -> None:
    """Stop the cluster; all its objects stay for the next `up`."""
    from minikube_edu.cluster import control_plane

    stopped = control_plane.down(Layout())
    typer.echo(say("stopped", names=", ".join(stopped)) if stopped else say("nothing-runs"))


@app.command()
def reset() -> None:
    """Stop the cluster and forget all of it."""
    from minikube_edu.cluster import control_plane

    control_plane.reset(Layout())
    typer.echo(say("gone"))


@app.command()
def status() -> None:
    """Which seats run. Exit code 1 when one does not."""
    if not up_command.show(a_cluster()):
        raise typer.Exit(1)


@app.command()
def kubeconfig() -> None:
    """Print a kubeconfig that any client can use."""
    try:
        sys.stdout.write(Layout().kubeconfig.read_text())
    except OSError:
        fail(say("no-cluster"))


@app.command()
def store(
    changes: Annotated[int, typer.Option(help="How many of the newest changes to show.", min=0)] = 10,
) -> None:
    """Look into the one file that holds the cluster's state."""
    from rich.console import Console
    from rich.table import Table

    from minikube_edu.cluster.store_view import look

    try:
        found, lines = look(Layout(), changes)
    except FileNotFoundError:
        fail(say("no-cluster"))
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
    from minikube_edu.cluster.shell.session import open_shell

    layout = a_cluster()
    found = a_node(layout, node) if node else next(iter(nodes.of(layout)), None)
    raise typer.Exit(open_shell(layout, found, command))


@node_app.command("list")
def node_list() -> None:
    """The nodes of this host, their addresses and directories."""
    from minikube_edu.cluster import nodes
    from minikube_edu.cluster.machine import starter

    layout = a_cluster()
    for node in nodes.of(layout):
        machine = starter.find(nodes.machine_socket(layout, node))
        pid = machine.ask("status")["pid"] if machine else 0
        state = say("running", pid=pid) if pid else say("seat-stopped")
        typer.echo(f"{node.name:<20}{node.address:<16}{state:<24}{node.root}")


@node_app.command("add")
def node_add() -> None:
    """One worker more: a machine that boots and joins."""
    from minikube_edu.cluster import node_commands, nodes
    from minikube_edu.cluster.failures import CannotStart

    layout = a_cluster()
    if not nodes.of(layout):
        fail(say("bare-nodes"))
    try:
        typer.echo(say("joined", name=node_commands.add(layout, layout.read_request() or Request()).name))
    except CannotStart as error:
        fail(str(error))


@node_app.command("delete")
def node_delete(name: str) -> None:
    """Take a worker away, with all that is on it."""
    from minikube_edu.cluster import node_commands

    layout = a_cluster()
    if node_commands.remove_light(layout, name):
        typer.echo(say("removed", name=name))
        return
    node = a_node(layout, name)
    if node.index == 0:
        fail(f"{name} has the control plane: `minikube-edu reset` takes the whole cluster away")
    node_commands.remove(layout, layout.read_request() or Request(), node)
    typer.echo(say("removed", name=name))


@node_app.command("stop")
def node_stop(name: str) -> None:
    """Switch a node off, as by its power button; its directory stays."""
    from minikube_edu.cluster import node_commands

    layout = a_cluster()
    node_commands.switch_off(layout, a_node(layout, name))
    typer.echo(say("switched-off", name=name))


@node_app.command("start")
def node_start(name: str) -> None:
    """Switch a node on again."""
    from minikube_edu.cluster import node_commands

    layout = a_cluster()
    node_commands.switch_on(layout, a_node(layout, name))
    typer.echo(say("switched-on", name=name))


@node_app.command("shell")
def node_shell(name: str, command: Annotated[str, typer.Option("-c", help="Run this instead.")] = "") -> None:
    """The same as `minikube-edu shell NAME`."""
    shell(name, command)


def a_cluster() -> Layout:
    layout = Layout()
    if not layout.exists():
        fail(say("no-cluster"))
    return layout


def a_node(layout: Layout, name: str) -> Node:
    from minikube_edu.cluster import nodes

    found = nodes.find(layout, name)
    if found is None:
        fail(say("no-node", name=name, names=", ".join(one.name for one in nodes.of(layout)) or say("none")))
    return found


def fail(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(1)
