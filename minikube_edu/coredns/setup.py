"""From a Corefile to running chains: each server block's plugins, in the order of the chain."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from msgspec import Struct, field

from minikube_edu.cni.contract import Namespace
from minikube_edu.coredns.chain import Next, Plugin, chained
from minikube_edu.coredns.cluster_view import ClusterView
from minikube_edu.coredns.corefile import CHAIN, CorefileError, Directive, ServerBlock
from minikube_edu.coredns.forward import Forward
from minikube_edu.coredns.kubernetes import Kubernetes, Options
from minikube_edu.coredns.plugins import Cache, Errors, Hosts, LoadBalance, Log, Rewrite, WhoAmI

Read = Callable[[str], Awaitable[bytes]]
Say = Callable[[str], Awaitable[None]]
MakeView = Callable[[bool], Awaitable[ClusterView]]  # with pods?


class Site(Struct):
    """What a Corefile asks for."""

    ports: dict[int, dict[str, Next]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)  # .:53
    health: int = 0
    lameduck: float = 0.0
    ready: int = 0
    metrics: int = 0
    reload: float = 0.0
    view: ClusterView | None = None


async def build(blocks: Sequence[ServerBlock], read: Read, say: Say, network: Namespace, make_view: MakeView) -> Site:
    site = Site()
    for block in blocks:
        plugins: list[Plugin] = []
        for name in CHAIN:
            found = [one for one in block.directives if one.name == name]
            if found:
                plugins += await _plugins(name, found, block, site, (read, say, network, make_view))
        first = chained(plugins)
        for zone in block.zones:
            site.ports.setdefault(block.port, {})[zone] = first
            site.names.append(f"{zone}:{block.port}")
        for directive in block.directives:
            _aside(directive, site)
    return site


async def _plugins(
    name: str,
    found: Sequence[Directive],
    block: ServerBlock,
    site: Site,
    world: tuple[Read, Say, Namespace, MakeView],
) -> list[Plugin]:
    read, say, network, make_view = world
    first = found[0]
    if name == "errors":
        return [Errors(say)]
    if name == "log":
        return [Log(say)]
    if name == "loadbalance":
        return [LoadBalance()]
    if name == "cache":
        return [Cache(first, block.zones)]
    if name == "rewrite":
        return [Rewrite(found)]
    if name == "hosts":
        return [Hosts(first, await _hosts_file(first, read), block.zones)]
    if name == "kubernetes":
        made: list[Plugin] = []
        for directive in found:
            try:
                options = Options.of(directive, block.zones)
            except ValueError as error:
                raise CorefileError(f"plugin/kubernetes: {error}") from None
            if site.view is None:
                site.view = await make_view(options.pods == "verified")
            made.append(Kubernetes(site.view, options))
        return made
    if name == "forward":
        return [await Forward.of(directive, read, network) for directive in found]
    return [WhoAmI()] if name == "whoami" else []


async def _hosts_file(directive: Directive, read: Read) -> str:
    path = directive.args[0] if directive.args else "" if directive.lines else "/etc/hosts"
    if not path.startswith("/"):
        return ""
    try:
        return (await read(path)).decode("utf-8", "replace")
    except OSError:
        return ""  # it may come later, says the real one's warning


def _aside(directive: Directive, site: Site) -> None:
    """Plugins that answer no questions."""
    first = directive.args[0] if directive.args else ""
    if directive.name == "health":
        site.health = _port(first, 8080)
        site.lameduck = seconds(directive.option("lameduck", "0s"))
    elif directive.name == "ready":
        site.ready = _port(first, 8181)
    elif directive.name == "prometheus":
        site.metrics = _port(first, 9153)
    elif directive.name == "reload":
        site.reload = max(2.0, seconds(first or "30s"))


def _port(text: str, default: int) -> int:
    tail = text.rpartition(":")[2]
    return int(tail) if tail.isdigit() else default


def seconds(text: str) -> float:
    """`5s`, `500ms`, `1m`"""
    units: Mapping[str, float] = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    for unit, factor in units.items():
        number = text.removesuffix(unit)
        if number != text and number.replace(".", "", 1).isdigit():
            return float(number) * factor
    raise CorefileError(f'time: invalid duration "{text}"')
