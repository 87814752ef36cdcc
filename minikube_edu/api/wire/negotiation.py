"""Which form an answer takes, by the Accept header; which form a body has, by its Content-Type.

A client names media types by preference and may ask for another shape of the same object:

    application/json;as=Table;v=v1;g=meta.k8s.io, application/json

`negotiate` reads that once per distinct header; clients send the same few for ever. Whoever serves something says what
it can do with an `Offer`. None of the offered fits: NotAcceptable, with the list that the real server prints.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from minikube_edu.api.errors import ApiError, NotAcceptable, UnsupportedMediaType

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
STREAM = ";stream=watch"
META_VERSIONS = (("meta.k8s.io", "v1"), ("meta.k8s.io", "v1beta1"))


class Offer(NamedTuple):
    """What an endpoint can answer with."""

    media_types: tuple[str, ...] = (JSON, YAML, PROTOBUF)
    # The shapes besides the plain one, each as (group, version, kind).
    shapes: frozenset[tuple[str, str, str]] = frozenset()
    plain: tuple[str, ...] | None = None  # media types of the plain shape, if not all


_META_SHAPES = frozenset(
    (group, version, kind)
    for group, version in META_VERSIONS
    for kind in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
)
RESOURCE = Offer(shapes=_META_SHAPES)  # built-in resources
CUSTOM = Offer(shapes=_META_SHAPES, plain=(JSON, YAML))  # custom ones have no protobuf form
PLAIN = Offer()  # discovery documents of one group or version
DISCOVERY = Offer(shapes=frozenset({("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList")}))


class Form(NamedTuple):
    """The form of an answer."""

    media_type: str  # JSON, YAML or PROTOBUF
    kind: str = ""  # Table, PartialObjectMetadata, PartialObjectMetadataList, APIGroupDiscoveryList; "" for the object
    group: str = ""
    version: str = ""
    pretty: bool = False
    stream: str = ""
    json_too: bool = True  # plain JSON would do as well, though the client may like something else better

    @property
    def api_version(self) -> str:
        """Of the shape: `meta.k8s.io/v1`."""
        return f"{self.group}/{self.version}"

    @property
    def is_table(self) -> bool:
        return self.kind == "Table"

    @property
    def is_partial(self) -> bool:
        return self.kind.startswith("PartialObjectMetadata")


_DEFAULT = Form(JSON)


class _Clause(NamedTuple):
    main: str
    sub: str
    quality: float
    params: dict[str, str]


def _clauses(header: str) -> list[_Clause]:
    """The media ranges of an Accept header, the best first, as goautoneg sorts them."""
    found = []
    for part in header.split(","):
        range_, *rest = part.split(";")
        main, slash, sub = range_.strip().partition("/")
        if not slash:
            if main != "*":
                continue
            sub = "*"
        params, quality = {}, 1.0
        for param in rest:
            name, equals, value = param.partition("=")
            name, value = name.strip(), value.strip()
            if not equals:
                continue
            if name == "q":
                quality = _quality(value)
            else:
                params[name] = value
        found.append(_Clause(main.strip(), sub.strip(), quality, params))
    found.sort(key=lambda clause: (-clause.quality, clause.main == "*", clause.sub == "*"))
    return found


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 1.0


@lru_cache(maxsize=512)
def _choose(header: str, offer: Offer, streaming: bool) -> Form | None:
    if not header:
        return _DEFAULT
    found: Form | None = None
    json_too = False
    for clause in _clauses(header):
        for media_type in offer.media_types:
            form = _accepts(clause, media_type, offer, streaming)
            if form is None:
                continue
            found = found or form
            json_too = json_too or (form.media_type == JSON and not form.kind)
            break
    return found and found._replace(json_too=json_too)


def _accepts(clause: _Clause, media_type: str, offer: Offer, streaming: bool) -> Form | None:
    main, _, sub = media_type.partition("/")
    if (clause.main, clause.sub) not in ((main, sub), (main, "*"), ("*", "*")):
        return None
    params = clause.params
    stream = params.get("stream", "")
    if stream and (stream != "watch" or media_type == YAML):
        return None
    if streaming and media_type == YAML:
        return None
    if params.get("sv") not in (None, "", "v1"):
        return None
    if not params.keys() & {"as", "g", "v"}:
        if offer.plain is not None and media_type not in offer.plain:
            return None
        return Form(media_type, pretty=params.get("pretty") == "1", stream=stream)
    shape = (params.get("g", ""), params.get("v", ""), params.get("as", ""))
    if shape not in offer.shapes or (shape[2] == "Table" and media_type == PROTOBUF):
        return None
    return Form(media_type, shape[2], shape[0], shape[1], params.get("pretty") == "1", stream)


def negotiate(header: str, offer: Offer = RESOURCE) -> Form:
    """The form of one answer."""
    form = _choose(header, offer, False)
    if form is None:
        raise NotAcceptable(", ".join(offer.media_types))
    return form


def negotiate_stream(header: str, offer: Offer = RESOURCE) -> Form:
    """The form of the events of a watch: YAML cannot be streamed."""
    form = _choose(header, offer, True)
    if form is None:
        raise NotAcceptable(", ".join(m + STREAM for m in offer.media_types if m != YAML))
    return form


class RouteNotAcceptable(ApiError):
    """No media range of the header is one that the path produces at all: refused before anything is looked at."""

    code, reason = 406, "NotAcceptable"

    def __init__(self, produced: tuple[str, ...]) -> None:
        super().__init__(f"406: Not Acceptable\n\nAvailable representations: {', '.join(produced)}", {})


def check_route(header: str, *, collection: bool = False, offer: Offer = RESOURCE) -> None:
    """What the router does before negotiation: the bare media types must meet. Collections can be watched, too."""
    if header:
        produced = _produced(offer, collection)
        if not _routed(header, produced):
            raise RouteNotAcceptable(produced)


@lru_cache(maxsize=32)
def _produced(offer: Offer, collection: bool) -> tuple[str, ...]:
    streams = tuple(m + STREAM for m in offer.media_types if m != YAML) if collection else ()
    return offer.media_types + streams


@lru_cache(maxsize=512)
def _routed(header: str, produced: tuple[str, ...]) -> bool:
    for part in header.split(","):
        bare = part.partition(";")[0].strip()
        if bare == "*/*" or bare in produced or part.strip() in produced:
            return True
    return False


# ---------------------------------------------------------------- bodies


def body_form(content_type: str, offered: tuple[str, ...] = (JSON, YAML, PROTOBUF)) -> str:
    """The media type of a request's body; JSON when the client does not say."""
    if not content_type:
        return offered[0]
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in offered:
        accepted = ", ".join(offered)
        raise UnsupportedMediaType(
            f"the body of the request was in an unknown format - accepted media types include: {accepted}"
        )
    return media_type


def pretty(form: Form, query_value: str | None, user_agent: str) -> bool:
    """Whether JSON is to be indented: `?pretty=`, else asked for by the media type, else for people's programs."""
    if form.pretty:
        return True
    if query_value:
        return query_value in ("1", "t", "T", "TRUE", "true", "True")
    return user_agent.startswith(("curl", "Wget", "Mozilla/5.0"))
