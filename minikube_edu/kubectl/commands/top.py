"""`kubectl top`: how much processor and memory nodes and pods use, as a metrics server knows."""

from __future__ import annotations

from typing import Any

from minikube_edu.api import quantity
from minikube_edu.api.output.tabwriter import TABLE, align
from minikube_edu.client.rest import Resource
from minikube_edu.kubectl import flag_groups as groups
from minikube_edu.kubectl.command import Call, Command, Entry
from minikube_edu.kubectl.failures import CommandError
from minikube_edu.kubectl.flags import Flag

Object = dict[str, Any]

GROUP = "metrics.k8s.io"
NODE_METRICS = Resource(GROUP, "v1beta1", "nodes", namespaced=False)
POD_METRICS = Resource(GROUP, "v1beta1", "pods")
NODES = Resource("", "v1", "nodes", namespaced=False)
MIB = 1024 * 1024


async def _check(call: Call) -> None:
    if len(call.args) > 1:
        raise call.usage(f"{call.command.name} {call.command.use}")
    if call.flags["sort-by"] not in ("", "cpu", "memory"):
        raise CommandError("--sort-by accepts only cpu or memory")
    if call.args and call.flags["selector"]:
        shown = "--selector" if call.command.name == "node" else "selector"
        raise CommandError(f"only one of NAME or {shown} can be provided")
    served = await call.factory.mapper.resources()
    if not any(one.resource.group == GROUP for one in served):
        raise CommandError("Metrics API not available")


async def node(call: Call) -> None:
    flags, name = call.flags, call.args[0] if call.args else ""
    await _check(call)
    if name:
        metrics = [await call.factory.send("GET", NODE_METRICS.path("", name))]
        known = [await call.factory.send("GET", NODES.path("", name))]
    else:
        metrics = (await call.factory.send("GET", NODE_METRICS.path(), labelSelector=flags["selector"])).get(
            "items"
        ) or []
        known = (await call.factory.send("GET", NODES.path(), labelSelector=flags["selector"])).get("items") or []
    if not metrics:
        raise CommandError("metrics not available yet")
    field = "capacity" if flags["show-capacity"] else "allocatable"
    limits = {one["metadata"]["name"]: (one.get("status") or {}).get(field) or {} for one in known}
    rows = [] if flags["no-headers"] else ["NAME\tCPU(cores)\tCPU(%)\tMEMORY(bytes)\tMEMORY(%)\n"]
    for one in _sorted(call, metrics, lambda one: one["usage"]):
        usage, limit = one["usage"], limits.get(one["metadata"]["name"]) or {}
        rows.append(
            f"{one['metadata']['name']}\t{_cpu(usage)}m\t{_share(_cpu(usage), _cpu(limit))}\t"
            f"{_memory(usage)}Mi\t{_share(_memory(usage), _memory(limit))}\n"
        )
    call.out.write(align("".join(rows), TABLE))


async def pod(call: Call) -> None:
    flags, name = call.flags, call.args[0] if call.args else ""
    await _check(call)
    namespace = "" if flags["all-namespaces"] else call.factory.namespace
    if name:
        metrics = [await call.factory.send("GET", POD_METRICS.path(call.factory.namespace, name))]
    else:
        query = {"labelSelector": flags["selector"], "fieldSelector": flags["field-selector"]}
        metrics = (await call.factory.send("GET", POD_METRICS.path(namespace), **query)).get("items") or []
    if not metrics:
        call.warn("No resources found" + ("" if flags["all-namespaces"] else f" in {namespace} namespace."))
        return
    everywhere, split = flags["all-namespaces"], flags["containers"]
    head = ["NAMESPACE"] * everywhere + (["POD", "NAME"] if split else ["NAME"]) + ["CPU(cores)", "MEMORY(bytes)"]
    rows = [] if flags["no-headers"] else ["\t".join(head) + "\n"]
    totals = {"cpu": 0, "memory": 0}
    for one in _sorted(call, metrics, _total):
        metadata = one["metadata"]
        lead = [metadata["namespace"]] if everywhere else []
        parts = one.get("containers") or [] if split else [{"name": "", "usage": _total(one)}]
        for part in parts:
            usage: Any = part["usage"]
            totals["cpu"] += _cpu(usage)
            totals["memory"] += _memory(usage)
            names = [metadata["name"], part["name"]] if split else [metadata["name"]]
            rows.append("\t".join([*lead, *names, f"{_cpu(usage)}m", f"{_memory(usage)}Mi"]) + "\n")
    if flags["sum"]:
        blanks = [""] * (everywhere + split)
        rows.append("\t".join([*blanks, "", "________", "________"]) + "\n")
        rows.append("\t".join([*blanks, "", f"{totals['cpu']}m", f"{totals['memory']}Mi"]) + "\n")
    call.out.write(align("".join(rows), TABLE))


def _total(pod: Object) -> Object:
    found = {"cpu": 0, "memory": 0}
    for container in pod.get("containers") or ():
        usage = container.get("usage") or {}
        found["cpu"] += _cpu(usage)
        found["memory"] += _memory(usage) * MIB
    return {"cpu": f"{found['cpu']}m", "memory": str(found["memory"])}


def _sorted(call: Call, metrics: list[Object], usage: Any) -> list[Object]:
    by = call.flags["sort-by"]
    if by:
        measure = _cpu if by == "cpu" else _memory
        return sorted(metrics, key=lambda one: -measure(usage(one)))
    return sorted(metrics, key=lambda one: (one["metadata"].get("namespace") or "", one["metadata"]["name"]))


def _cpu(usage: Object) -> int:
    """Thousandths."""
    text = str(usage.get("cpu") or "0")
    return quantity.parse(text).milli_value()


def _memory(usage: Object) -> int:
    return quantity.parse(str(usage.get("memory") or "0")).value() // MIB


def _share(used: int, of: int) -> str:
    return f"{used * 100 // of}%" if of else "<unknown>"


_COMMON = (
    *groups.SELECTOR,
    Flag("no-headers", "bool", help="Tables without the line of headers."),
    Flag("sort-by", help="Sort by 'cpu' or 'memory'."),
    Flag("use-protocol-buffers", "bool", default=True, help="Ask for protocol buffers."),
)
LONG = """Display resource (CPU/memory) usage.

 This command provides a view of recent resource consumption for nodes and pods. It fetches metrics from the Metrics Server, which aggregates this data from the kubelet on each node. The Metrics Server must be installed and running in the cluster for this command to work.

 The metrics shown are specifically optimized for Kubernetes autoscaling decisions, such as those made by the Horizontal Pod Autoscaler (HPA) and Vertical Pod Autoscaler (VPA). Because of this, the values may not match those from standard OS tools like 'top', as the metrics are designed to provide a stable signal for autoscalers rather than for pinpoint accuracy.

 FAQ for Metrics Server: https://github.com/kubernetes-sigs/metrics-server/blob/master/FAQ.md

 When to use this command:

  *  For on-the-fly spot-checks of resource usage (e.g. identify which pods are consuming the most resources at a glance, or get a quick sense of the load on your nodes)
  *  Understand current resource consumption patterns
  *  Validate the behavior of your HPA or VPA configurations by seeing the metrics they use for scaling decisions.

 It is not intended to be a replacement for full-featured monitoring solutions. Its primary design goal is to provide a low-overhead signal for autoscalers, not to be a perfectly accurate monitoring tool. For high-accuracy reporting, historical analysis, dashboarding, or alerting, you should use a dedicated monitoring solution."""  # noqa: E501  # the real text
COMMANDS = {
    "top": Command(
        "top",
        None,
        use="[flags]",
        long=LONG,
        subcommands=(
            Entry("node", "Display resource (CPU/memory) usage of nodes", "top", aliases=("nodes", "no")),
            Entry("pod", "Display resource (CPU/memory) usage of pods", "top", aliases=("pods", "po")),
        ),
    ),
    "node": Command(
        "node",
        node,
        use="[NAME | -l label]",
        long="Display resource (CPU/memory) usage of nodes.",
        aliases=("nodes", "no"),
        flags=(*_COMMON, Flag("show-capacity", "bool", help="Percentages of capacity, not of what is allocatable.")),
    ),
    "pod": Command(
        "pod",
        pod,
        use="[NAME | -l label]",
        long="Display resource (CPU/memory) usage of pods.",
        aliases=("pods", "po"),
        flags=(
            *_COMMON,
            *groups.ALL_NAMESPACES,
            *groups.FIELD_SELECTOR,
            Flag("containers", "bool", help="Show each container."),
            Flag("sum", "bool", help="Show the sum, too."),
        ),
    ),
}
