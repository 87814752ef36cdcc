"""kubectl explain: what a kind and its fields are, from the server's own OpenAPI documents.

    group, version, resource, path = locate("deploy.spec.replicas", candidates)
    text = explain(document, group, version, resource, path)           # the document of /openapi/v3/apis/apps/v1
    text = explain_v2(document, group, version, resource, path)        # --output=plaintext-openapiv2

The newer form shows the types' names and their enumerations, the older one calls every structure an Object. A field
that does not exist raises ExplainError; by then the head was printed, so it carries that text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from minikube_edu.api.jsonpath import Field, JsonPath
from minikube_edu.api.jsonpath import Sequence as PathNodes

Object = dict[str, Any]
Place = tuple[str, str, str]  # group, version, resource
FORMATS = ("plaintext", "plaintext-openapiv2")
_GVK = "x-kubernetes-group-version-kind"
_METHODS = ("get", "post", "put", "patch", "delete")


class ExplainError(ValueError):
    """`text` belongs on standard output before the message goes to standard error."""

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.text = text


def locate(request: str, candidates: Callable[[str], Sequence[Place]]) -> tuple[str, str, str, list[str]]:
    """What `cronjobs.batch.spec` means: (group, version, resource, fields). `candidates` gives the places that a
    resource's name may mean, best first, and raises when there is none."""
    words = _words(request)
    found = candidates(words[0])
    for group, version, resource in found:
        whole = f"{resource}.{group}" if group else resource
        if request.startswith(whole):
            rest = request[len(whole) :]
            return group, version, resource, _words(rest)[1:] if rest and rest[0] != "." else _words("x" + rest)[1:]
    return (*found[0], words[1:])


def _words(path: str) -> list[str]:
    nodes = JsonPath("{." + path.removesuffix(".") + "}")._nodes
    fields = nodes[0].nodes if len(nodes) == 1 and isinstance(nodes[0], PathNodes) else []
    if not fields or not all(isinstance(node, Field) for node in fields):
        raise ExplainError("invalid jsonpath syntax, all nodes must be field nodes")
    return [node.name for node in fields]


def explain(
    document: Object, group: str, version: str, resource: str, path: Sequence[str] = (), recursive: bool = False
) -> str:
    kind = _kind_of(document, group, version, resource)
    head = (f"GROUP:      {group}\n" if kind.get("group") else "") + f"KIND:       {kind['kind']}\n"
    head += f"VERSION:    {kind['version']}\n\n"
    body = _Plain(document, recursive).page(_schema_of(document, kind), list(path), frozenset())
    if not body:
        raise ExplainError(f'field "{path[-1]}" does not exist', head)
    return head + body + "\n"


def _kind_of(document: Object, group: str, version: str, resource: str) -> Object:
    """What is served at the resource's path."""
    prefix = f"/apis/{group}" if group else "/api"
    for middle in ("/namespaces/{namespace}/", "/"):
        for end in ("/{name}", ""):
            found = document.get("paths", {}).get(f"{prefix}/{version}{middle}{resource}{end}") or {}
            for method in _METHODS:
                kind: Object | None = (found.get(method) or {}).get(_GVK)
                if kind:
                    return kind
    shown = f"{group}/{version}, Resource={resource}"
    raise ExplainError(f"GVR ({shown}) not found in OpenAPI schema")


def _schema_of(document: Object, kind: Object) -> Object:
    schemas = (document.get("components") or {}).get("schemas") or document.get("definitions") or {}
    for name in sorted(schemas):
        if kind in (schemas[name].get(_GVK) or ()):
            found: Object = schemas[name]
            return found
    shown = f"map[group:{kind.get('group')} kind:{kind['kind']} version:{kind['version']}]"
    raise ExplainError(f"GVK {shown} not found in OpenAPI schema")


def _resolved(document: Object, schema: Object) -> Object:
    """What a schema refers to, or itself."""
    reference = schema.get("$ref") or ""
    if not reference.startswith("#/"):
        return schema
    found: Any = document
    for part in reference[2:].split("/"):
        found = found.get(part) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else schema


def _values(schema: Object) -> Object | None:
    """The schema of a map's values."""
    found = schema.get("additionalProperties")
    return found if isinstance(found, dict) and found else None


class _Plain:
    """The form of OpenAPI v3: a page for one schema, with a line and a text for each of its fields."""

    def __init__(self, document: Object, recursive: bool) -> None:
        self.document = document
        self.recursive = recursive

    def page(self, schema: Object, path: list[str], seen: frozenset[str]) -> str:
        """Follow the path; "" when it leads nowhere. `seen` are references passed without a step along the path."""
        reference = schema.get("$ref") or ""
        resolved = _resolved(self.document, schema)
        if not path:
            return self.sheet(resolved)
        if reference and reference in seen:
            return ""
        properties = resolved.get("properties") or {}
        if path[0] in properties:
            found = properties[path[0]]
            head = ""
            if len(path) == 1:
                head = f"FIELD: {path[0]} <{self.type_name(found)}>\n" + _enumeration(found) + "\n\n"
            return head + self.page(found, path[1:], frozenset())
        seen |= {reference}
        if inner := resolved.get("items") or _values(resolved):
            return self.page(inner, path, seen)
        return next((text for one in resolved.get("allOf") or () if (text := self.page(one, path, seen))), "")

    def sheet(self, schema: Object) -> str:
        described = "".join(self.descriptions(schema)) or "<empty>"
        text = "DESCRIPTION:\n" + _indented(wrap(described, 76), 4) + "\n"
        if links := schema.get("externalDocs"):
            text += "\nEXTERNAL DOCS:\n" + _links(links, 76, 4)
        fields = "".join(self.fields(schema, 1, frozenset()))
        return text + ("FIELDS:\n" + fields if fields else "")

    def descriptions(self, schema: Object) -> Iterator[str]:
        resolved = _resolved(self.document, schema)
        if resolved.get("description"):
            yield resolved["description"] + "\n"
        for part in (*(resolved.get("allOf") or ()), resolved.get("items"), _values(resolved)):
            if part:
                yield from self.descriptions(part)

    def fields(self, schema: Object, level: int, seen: frozenset[str]) -> Iterator[str]:
        reference = schema.get("$ref") or ""
        if reference and reference in seen:
            return  # a type that holds itself
        seen |= {reference}
        resolved = _resolved(self.document, schema)
        properties = resolved.get("properties") or {}
        for name in sorted(properties):
            yield self.field(name, properties[name], level, name in (resolved.get("required") or ()))
            if self.recursive:
                yield from self.fields(properties[name], level + 1, seen)
        for part in (*(resolved.get("allOf") or ()), resolved.get("items"), _values(resolved)):
            if part:
                yield from self.fields(part, level, seen)

    def field(self, name: str, schema: Object, level: int, required: bool) -> str:
        margin = level * 2
        text = f"{' ' * margin}{name}\t<{self.type_name(schema)}>" + (" -required-" if required else "")
        text += _enumeration_line(schema, margin) + "\n"
        if self.recursive:
            return text
        described = schema.get("description") or "<no description>"
        text += _indented(wrap(described, 78 - margin), margin + 2) + "\n"
        if links := schema.get("externalDocs"):
            text += "\n" + " " * (margin + 2) + "EXTERNAL DOCS:\n" + _links(links, 76 - margin, margin + 4)
        return text + "\n"

    def type_name(self, schema: Object) -> str:
        """`string`, `[]Container`, `map[string]string`."""
        if schema.get("items"):
            return "[]" + self.type_name(schema["items"])
        if values := _values(schema):
            return "map[string]" + self.type_name(values)
        every: list[Object] = schema.get("allOf") or []
        if len(every) == 1 and not schema.get("properties"):
            return self.type_name(every[0])
        if reference := schema.get("$ref"):
            found = _resolved(self.document, schema)
            if found is schema or found.get("type") in (None, "", "object"):
                return reference.rpartition("/")[2].rpartition(".")[2] or "Object"
            return str(found["type"])
        kind = schema.get("type") or ""
        return "Object" if kind in ("object", "") else str(kind)


def _links(links: Object, width: int, margin: int) -> str:
    text = ""
    if links.get("description"):
        text += _indented(wrap(links["description"], width), margin) + "\n"
    if links.get("url"):
        text += _indented(f"URL: {links['url']}", margin) + "\n"
    return text


def _shown(value: Any) -> str:
    return '""' if value == "" else str(value)


def _enumeration(schema: Object) -> str:
    values = schema.get("enum")
    return "ENUM:" + "".join(f"\n    {_shown(value)}" for value in values) if values else ""


def _enumeration_line(schema: Object, margin: int, limit: int = 4) -> str:
    values = schema.get("enum")
    if not values:
        return ""
    shown = ", ".join(map(_shown, values[:limit])) + (", ...." if len(values) > limit else "")
    return f"\n{' ' * margin}enum: {shown}"


def _indented(text: str, margin: int) -> str:
    pad = " " * margin
    return pad + text.replace("\n", "\n" + pad)


def wrap(text: str, width: int) -> str:
    """Lines of at most `width`, broken between words; line ends and inner blanks stay, words longer than a line too."""
    return "\n".join(_wrapped_line(line, width) for line in text.split("\n"))


def _wrapped_line(line: str, width: int) -> str:
    out, column, blanks, at = "", 0, "", 0
    while at < len(line):
        start = at
        while at < len(line) and line[at].isspace():
            at += 1
        blanks = line[start:at]
        start = at
        while at < len(line) and not line[at].isspace():
            at += 1
        word = line[start:at]
        if not word:
            return out + blanks if column + len(blanks) <= width else out
        if column + len(blanks) + len(word) > width and column + len(blanks) > 1:
            out, column, blanks = out + "\n", 0, ""
        out += blanks + word
        column += len(blanks) + len(word)
    return out


# ---------------------------------------------------------------- the older form


def explain_v2(
    document: Object, group: str, version: str, resource: str, path: Sequence[str] = (), recursive: bool = False
) -> str:
    """As kubectl did from OpenAPI v2. The document may be of either version: they say the same."""
    kind = _kind_of(document, group, version, resource)
    old = _Older(document, recursive)
    api_version = f"{group}/{version}" if group else version
    return old.page(_schema_of(document, kind), list(path), f"KIND:     {kind['kind']}\nVERSION:  {api_version}\n\n")


class _Older:
    def __init__(self, document: Object, recursive: bool) -> None:
        self.document = document
        self.recursive = recursive

    def page(self, schema: Object, path: list[str], head: str) -> str:
        for name in path:
            found = (self.inner(schema).get("properties") or {}).get(name)
            if found is None:
                raise ExplainError(f'field "{name}" does not exist')
            schema = found
        descriptions, final = self.unfolded(schema)
        structure = bool(final.get("properties"))
        if path:
            label = "RESOURCE:" if structure else "FIELD:   "
            head += f"{label} {path[-1]} <{self.type_name(schema)}>\n\n"
        text = head + "DESCRIPTION:\n"
        parts = [(index, part) for index, part in enumerate(descriptions) if part]
        for index, part in parts or [(0, "<empty>")]:
            text += ("\n" if index else "") + "".join(_line(line, 5) for line in refill(part, 75))
        return text + ("\nFIELDS:\n" + "".join(self.fields(final, 3, frozenset())) if structure else "")

    def unfolded(self, schema: Object) -> tuple[list[str], Object]:
        """Through lists, maps and references to what is meant, with the descriptions on the way."""
        descriptions = [str(schema.get("description") or "")]
        while (following := self.step(schema)) is not None:
            schema = following
            descriptions.append(str(schema.get("description") or ""))
        return descriptions, schema

    def step(self, schema: Object) -> Object | None:
        every: list[Object] = schema.get("allOf") or []
        if len(every) == 1:
            return _resolved(self.document, every[0])
        if schema.get("$ref"):
            found = _resolved(self.document, schema)
            return None if found is schema else found
        return schema.get("items") or _values(schema)

    def inner(self, schema: Object) -> Object:
        return self.unfolded(schema)[1]

    def type_name(self, schema: Object) -> str:
        if schema.get("items"):
            return "[]" + self.type_name(schema["items"])
        if values := _values(schema):
            return "map[string]" + self.type_name(values)
        if (following := self.step(schema)) is not None:
            return self.type_name(following)
        if schema.get("oneOf"):
            return "string"  # quantities, and what is a number or a text
        if schema.get("properties"):
            return "Object"
        kind = str(schema.get("type") or "")
        return "map[string]" if kind == "object" else kind  # an object without fields is a map of anything

    def fields(self, schema: Object, margin: int, seen: frozenset[int]) -> Iterator[str]:
        properties = schema.get("properties") or {}
        for name in sorted(properties):
            found = properties[name]
            required = " -required-" if name in (schema.get("required") or ()) else ""
            if not self.recursive:
                yield _line(f"{name}\t<{self.type_name(found)}>{required}", margin)
                described = str(found.get("description") or "")
                yield from (_line(line, margin + 2) for line in refill(described, 80 - margin - 2))
                yield "\n"
                continue
            yield _line(f"{name}\t<{self.type_name(found)}>", margin)
            inside = self.inner(found)
            if id(inside) not in seen:
                yield from self.fields(inside, margin + 3, seen | {id(inside)})


def _line(text: str, margin: int) -> str:
    return " " * margin + text + "\n" if text else "\n"


def refill(text: str, width: int) -> list[str]:
    """Paragraphs filled anew; code blocks, empty lines, lists and lines behind a colon begin a line."""
    import re

    bullet = re.compile(r"(\d+\.?|-|\*)\s")
    out: list[str] = []
    line: list[str] = []
    last = ""

    def flush() -> None:
        nonlocal line, last
        if line:
            out.append(" ".join(line))
            line, last = [], ""

    for source in text.split("\n"):
        if source.startswith("    "):
            flush()
            out.append(source)
            continue
        if out and not source.strip():
            flush()
            out.append("")
            continue
        if last.endswith(":") or not source.strip() or bullet.match(source.strip()):
            flush()
        for word in source.split():
            last = word
            if line and len(" ".join([*line, word])) > width:
                flush()
            line.append(word)
    flush()
    return out
