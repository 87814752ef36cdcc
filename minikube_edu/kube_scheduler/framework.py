"""What a plugin is: a class with some of the extension points below, called in this order.

    PreEnqueue   may the pod enter the queue at all?
    QueueSort    which pod is next?
    PreFilter    look at the pod once: reject it, name the nodes worth a look, or SKIP: "my Filter need not be asked"
    Filter       can the pod run on this node?
    PostFilter   it fits nowhere: can something be done?
    PreScore     look at the nodes that are left once, or SKIP
    Score        how good is this node? Normalize then maps all nodes' scores to 0..100
    Reserve      the node is chosen: take what the pod needs; undone by `unreserve`
    Permit       bind now, never, or WAIT
    PreBind      do what must be done before
    Bind         tell the API server
    PostBind     it is done

A plugin has an extension point when it has the method. None means success, as nothing is more frequent.

A plugin is *local* when its answers for a pod and a node depend on nothing but the pod's shape and that node. Its
answers are then remembered and shared by all pods of that shape until the node changes: that is where the speed comes
from. A plugin that looks at other nodes, other pods or the clock must not be local. Local filters are asked before the
others, which decides whose reason a node gets when several would reject it; in the default order nothing changes.

The real framework has the same points and statuses; its plugins are asked anew for every pod.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from msgspec import Struct, field

if TYPE_CHECKING:
    from minikube_edu.kube_scheduler.cluster_events import Interest
    from minikube_edu.kube_scheduler.diagnosis import Diagnosis
    from minikube_edu.kube_scheduler.node import Node
    from minikube_edu.kube_scheduler.pod import PodInfo

MAX_NODE_SCORE = 100


class Code(IntEnum):
    SUCCESS = 0
    ERROR = 1
    UNSCHEDULABLE = 2  # preemption may help
    UNRESOLVABLE = 3  # it may not
    WAIT = 4
    SKIP = 5
    PENDING = 6  # something outside has to happen first

    @property
    def rejected(self) -> bool:
        return self in (Code.UNSCHEDULABLE, Code.UNRESOLVABLE, Code.PENDING)


class Status(Struct, frozen=True):
    """An answer that is not a plain yes."""

    code: Code
    reasons: tuple[str, ...] = ()
    plugin: str = ""
    timeout: float = 0.0  # of WAIT

    @property
    def message(self) -> str:
        return ", ".join(self.reasons)

    @property
    def rejected(self) -> bool:
        return self.code.rejected


SKIP = Status(Code.SKIP)


def unschedulable(plugin: str, *reasons: str) -> Status:
    return Status(Code.UNSCHEDULABLE, reasons, plugin)


def unresolvable(plugin: str, *reasons: str) -> Status:
    return Status(Code.UNRESOLVABLE, reasons, plugin)


def error(plugin: str, *reasons: str) -> Status:
    return Status(Code.ERROR, reasons, plugin)


class NodeNames(NamedTuple):
    """A PreFilter's answer: only these nodes are worth a look."""

    names: frozenset[str]


class Nomination(NamedTuple):
    """A PostFilter's answer: which node the pod is promised; "" takes a promise back, None leaves it as it is."""

    node: str | None
    status: Status | None


class Cycle(Struct):
    """One pod's way through the scheduler; plugins keep what they have found out under their name."""

    facts: dict[str, Any] = field(default_factory=dict)
    skip_filter: set[str] = field(default_factory=set)
    skip_score: set[str] = field(default_factory=set)
    activate: list[str] = field(default_factory=list)  # uids of pods to be tried at once when this cycle has succeeded


class Plugin:
    """The base of all: a name, whether it is local, and which events may change its mind."""

    name = ""
    local = False

    def events(self) -> Sequence[Interest]:
        """After which events may a pod that this plugin has rejected be worth another try?"""
        return ()


# The configuration's name of an extension point -> the methods of which a plugin has one that has the point.
POINTS: dict[str, tuple[str, ...]] = {
    "preEnqueue": ("pre_enqueue",),
    "queueSort": ("sort_key",),
    "preFilter": ("pre_filter",),
    "filter": ("filter",),
    "postFilter": ("post_filter",),
    "preScore": ("pre_score",),
    "score": ("score", "score_all"),
    "reserve": ("reserve",),
    "permit": ("permit",),
    "preBind": ("pre_bind",),
    "bind": ("bind",),
    "postBind": ("post_bind",),
}


def has_point(plugin: object, point: str) -> bool:
    """`plugin` is a plugin or its class."""
    return any(hasattr(plugin, method) for method in POINTS[point])


@runtime_checkable
class PreEnqueue(Protocol):
    def pre_enqueue(self, pod: PodInfo) -> Status | None: ...


@runtime_checkable
class QueueSort(Protocol):
    def sort_key(self, pod: PodInfo, since: float) -> Any:
        """The lower, the earlier."""
        ...


@runtime_checkable
class PreFilter(Protocol):
    def pre_filter(self, cycle: Cycle, pod: PodInfo) -> NodeNames | Status | None: ...


@runtime_checkable
class Filter(Protocol):
    def filter(self, cycle: Cycle, pod: PodInfo, node: Node) -> Status | None: ...


@runtime_checkable
class PostFilter(Protocol):
    async def post_filter(self, cycle: Cycle, pod: PodInfo, diagnosis: Diagnosis) -> Nomination: ...


@runtime_checkable
class PreScore(Protocol):
    def pre_score(self, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> Status | None: ...


@runtime_checkable
class Score(Protocol):
    def score(self, cycle: Cycle, pod: PodInfo, node: Node) -> int: ...


@runtime_checkable
class Normalize(Protocol):
    def normalize(self, cycle: Cycle, pod: PodInfo, scores: list[int]) -> list[int]:
        """Scores of all nodes, in the order in which PreScore got them."""
        ...


@runtime_checkable
class ScoreAll(Protocol):
    """In place of `score`, for plugins that are quicker with all nodes at once."""

    def score_all(self, cycle: Cycle, pod: PodInfo, nodes: list[Node]) -> list[int]: ...


@runtime_checkable
class Reserve(Protocol):
    def reserve(self, cycle: Cycle, pod: PodInfo, node: str) -> Status | None: ...

    def unreserve(self, cycle: Cycle, pod: PodInfo, node: str) -> None: ...


@runtime_checkable
class Permit(Protocol):
    def permit(self, cycle: Cycle, pod: PodInfo, node: str) -> Status | None: ...


@runtime_checkable
class PreBind(Protocol):
    def will_pre_bind(self, cycle: Cycle, pod: PodInfo, node: str) -> bool:
        """False: `pre_bind` has nothing to do for this pod."""
        ...

    async def pre_bind(self, cycle: Cycle, pod: PodInfo, node: str) -> Status | None: ...


@runtime_checkable
class Bind(Protocol):
    async def bind(self, cycle: Cycle, pod: PodInfo, node: str) -> Status | None: ...


@runtime_checkable
class PostBind(Protocol):
    def post_bind(self, cycle: Cycle, pod: PodInfo, node: str) -> None: ...


def normalized(scores: list[int], reverse: bool = False) -> list[int]:
    """Stretched so that the highest is 100; with `reverse`, the lowest is the best."""
    highest = max(scores, default=0)
    if highest == 0:
        return [MAX_NODE_SCORE] * len(scores) if reverse else scores
    if reverse:
        return [MAX_NODE_SCORE - MAX_NODE_SCORE * score // highest for score in scores]
    return [MAX_NODE_SCORE * score // highest for score in scores]
