"""MongoDB's documents: JavaScript-like literals, collections, and the methods that tutorials use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from minikube_edu.container_runtime.simulated.kernel.baton import give_way
from minikube_edu.lib import clock, ids

Document = dict[str, Any]
MOST = 100_000


class Unsupported(Exception):
    """What mongosh prints in red."""


def literal(text: str) -> Any:
    """`{name: 'x', n: 1}`: JSON with bare keys and single quotes."""
    strings: list[str] = []

    def keep(match: re.Match[str]) -> str:
        give_way()
        inner = match[0][1:-1].replace("\\'", "'")
        inner = re.sub(r'(?<!\\)"', r"\"", inner) if match[0][0] == "'" else inner
        strings.append(inner)
        return f'"\x00{len(strings) - 1}\x00"'

    def name(match: re.Match[str]) -> str:
        give_way()
        return f'{match[1]}"{match[2]}":'

    bare = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", keep, text)
    bare = re.sub(
        r"(?:new\s+)?(?:ObjectId|ISODate|Date|NumberInt|NumberLong)\(([^()]*)\)", lambda m: m[1] or '""', bare
    )
    bare = re.sub(r"([{,]\s*)([$\w.]+)\s*:", name, bare)
    bare = re.sub(r",\s*([}\]])", r"\1", bare)
    whole = re.sub("\x00(\\d+)\x00", lambda m: strings[int(m[1])], bare)
    try:
        return json.loads(whole)
    except (ValueError, RecursionError):
        raise Unsupported("SyntaxError: Unexpected token") from None


def shown(value: Any, indent: int = 0) -> str:
    """As mongosh prints it."""
    give_way()
    pad = "  " * indent
    if isinstance(value, dict):
        if not value:
            return "{}"
        parts = [f"{_key(key)}: {_leaf(one, indent)}" for key, one in value.items()]
        line = "{ " + ", ".join(parts) + " }"
        if len(line) + len(pad) <= 76 and "\n" not in line:
            return line
        return "{\n" + ",\n".join(f"{pad}  {part}" for part in parts) + f"\n{pad}}}"
    if isinstance(value, list):
        if not value:
            return "" if indent == 0 else "[]"
        parts = [shown(one, indent + 1) for one in value]
        line = "[ " + ", ".join(parts) + " ]"
        if len(line) + len(pad) <= 76 and "\n" not in line and not isinstance(value[0], dict):
            return line
        return "[\n" + ",\n".join(f"{pad}  {part}" for part in parts) + f"\n{pad}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else str(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z_$][\w$]*", name) else repr(name)


def _leaf(value: Any, indent: int) -> str:
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{24}", value):
        return f"ObjectId('{value}')"
    return shown(value, indent + 1)


def _identity(document: Document) -> str:
    give_way()
    return json.dumps(document["_id"], sort_keys=True)


def object_id() -> str:
    return f"{int(clock.now()):08x}{ids.integer(0, 2**64 - 1):016x}"


def matches(document: Document, wanted: Document) -> bool:
    give_way()
    for key, condition in wanted.items():
        if key == "$or":
            if not any(matches(document, one) for one in condition):
                return False
            continue
        if key == "$and":
            if not all(matches(document, one) for one in condition):
                return False
            continue
        value: Any = document
        for part in key.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(condition, dict) and condition and all(name.startswith("$") for name in condition):
            if not all(_compare(value, name, operand) for name, operand in condition.items()):
                return False
        elif value != condition and not (isinstance(value, list) and condition in value):
            return False
    return True


def _compare(value: Any, operator: str, operand: Any) -> bool:
    if operator not in COMPARISONS:
        raise Unsupported(f"MongoServerError: unknown operator: {operator}")
    try:
        return bool(COMPARISONS[operator](value, operand))
    except TypeError:
        return False


COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "$eq": lambda value, operand: value == operand,
    "$ne": lambda value, operand: value != operand,
    "$gt": lambda value, operand: value is not None and value > operand,
    "$gte": lambda value, operand: value is not None and value >= operand,
    "$lt": lambda value, operand: value is not None and value < operand,
    "$lte": lambda value, operand: value is not None and value <= operand,
    "$in": lambda value, operand: value in operand,
    "$nin": lambda value, operand: value not in operand,
    "$exists": lambda value, operand: (value is not None) == bool(operand),
    "$regex": lambda value, operand: str(operand) in str(value),
}


def update(document: Document, change: Document) -> None:
    for operator, fields in change.items():
        if operator not in ("$set", "$unset", "$inc", "$push") or not isinstance(fields, dict):
            raise Unsupported("MongoInvalidArgumentError: Update document requires atomic operators")
        for key, value in fields.items():
            if operator == "$set":
                document[key] = value
            elif operator == "$unset":
                document.pop(key, None)
            elif operator == "$inc":
                document[key] = document.get(key, 0) + value
            else:
                document.setdefault(key, []).append(value)


class Database:
    def __init__(self, collections: dict[str, list[Document]]) -> None:
        self.collections = collections

    def call(self, name: str, method: str, arguments: list[Any]) -> Any:
        function = getattr(self, "do_" + method, None)
        if function is None:
            raise Unsupported(f"TypeError: db.{name}.{method} is not a function")
        try:
            return function(name, *arguments)
        except TypeError:
            raise Unsupported(f"MongoshInvalidInputError: wrong arguments for {method}") from None

    def found(self, name: str, wanted: Document | None) -> list[Document]:
        return [one for one in self.collections.get(name, []) if matches(one, wanted or {})]

    def do_insertOne(self, name: str, document: Document) -> Any:
        inserted = self.do_insertMany(name, [document])
        return {"acknowledged": True, "insertedId": inserted["insertedIds"]["0"]}

    def do_insertMany(self, name: str, documents: list[Document]) -> Any:
        collection = self.collections.setdefault(name, [])
        if len(collection) + len(documents) > MOST:
            raise Unsupported("MongoServerError: the simulated database is full")
        known = {_identity(one) for one in collection}
        made = {}
        for number, document in enumerate(documents):
            whole = {"_id": document.get("_id", object_id()), **document}
            give_way()
            if _identity(whole) in known:
                key = f"{{ _id: {whole['_id']} }}"
                raise Unsupported(f"MongoServerError: E11000 duplicate key error collection: {name} dup key: {key}")
            known.add(_identity(whole))
            collection.append(whole)
            made[str(number)] = whole["_id"]
        return {"acknowledged": True, "insertedIds": made}

    do_insert = do_insertMany

    def do_find(self, name: str, wanted: Document | None = None, *_: Any) -> Any:
        return self.found(name, wanted)

    def do_findOne(self, name: str, wanted: Document | None = None, *_: Any) -> Any:
        return next(iter(self.found(name, wanted)), None)

    def do_countDocuments(self, name: str, wanted: Document | None = None) -> Any:
        return len(self.found(name, wanted))

    do_count = do_countDocuments

    def do_distinct(self, name: str, key: str) -> Any:
        return list(dict.fromkeys(one[key] for one in self.found(name, None) if key in one))

    def do_updateOne(self, name: str, wanted: Document, change: Document, *_: Any) -> Any:
        return self._update(self.found(name, wanted)[:1], change)

    def do_updateMany(self, name: str, wanted: Document, change: Document, *_: Any) -> Any:
        return self._update(self.found(name, wanted), change)

    @staticmethod
    def _update(documents: list[Document], change: Document) -> Any:
        for one in documents:
            update(one, change)
        count = len(documents)
        return {
            "acknowledged": True,
            "insertedId": None,
            "matchedCount": count,
            "modifiedCount": count,
            "upsertedCount": 0,
        }

    def do_deleteOne(self, name: str, wanted: Document) -> Any:
        return self._delete(name, self.found(name, wanted)[:1])

    def do_deleteMany(self, name: str, wanted: Document) -> Any:
        return self._delete(name, self.found(name, wanted))

    def _delete(self, name: str, gone: list[Document]) -> Any:
        ids_gone = {id(one) for one in gone}
        self.collections[name] = [one for one in self.collections.get(name, []) if id(one) not in ids_gone]
        return {"acknowledged": True, "deletedCount": len(gone)}

    def do_drop(self, name: str) -> Any:
        return self.collections.pop(name, None) is not None
