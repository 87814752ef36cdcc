"""Are the answers those that a real Kubernetes v1.36.3 gave to the same requests?

`recorded/*.json` are short stories: a request a line, with the answer of the real server. What differs between any two
runs is a placeholder there: `$NS` is the story's namespace, `uid#1` a uid (the same number, the same uid), `<time>` and
other words in angle brackets stand for something. `${step:path}` in a request is taken from an earlier answer. `keep`
names the paths that the answer was reduced to; lists of conditions and managers have no order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from minikube_edu.kube_apiserver.handlers import reading
from tests.in_process import Api, Reply, api_server, until

RECORDED = Path(__file__).parent / "recorded"
STORIES = sorted(path.stem for path in RECORDED.glob("*.json") if path.stem != "objects")
UNORDERED = ("conditions", "managedFields", "endpoints")
PLACEHOLDER = re.compile(r"<[\w $]+>|uid#\d+")
CONTROLLERS = ("serviceaccount-controller", "root-ca-certificate-publisher-controller", "namespace-controller")
Object = dict[str, Any]


def steps_of(path: str) -> list[str]:
    """`a.b[0].c[type=Ready][x.io/y]`, taken apart."""
    return [found[1] or found[2] for found in re.finditer(r"([^.\[\]]+)|\[([^\]]*)\]", path)]


def find(value: Any, path: str) -> Any:
    """What is at a path; None for nothing. `x#` is a length, `items[*].name` a list."""
    if path.endswith("#"):
        return len(find(value, path[:-1]) or ())
    steps = steps_of(path)
    for position, step in enumerate(steps):
        if step == "*":
            rest = "".join(f"[{one}]" for one in steps[position + 1 :])
            return [find(item, rest) for item in value or []]
        if isinstance(value, list):
            field, equals, wanted = step.partition("=")
            if equals:
                value = next((item for item in value if str(item.get(field)) == wanted), None)
            else:
                value = value[int(step)] if step.isdigit() and int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def remove(value: Any, path: str) -> None:
    """Take away what is at a path, and the object around it when that was all of it."""
    *above, last = steps_of(path)
    around = find(value, "".join(f"[{one}]" for one in above)) if above else value
    if isinstance(around, dict) and last in around:
        del around[last]
        if not around and above:
            remove(value, "".join(f"[{one}]" for one in above))


class Story:
    """One recorded story, told again."""

    def __init__(self, api: Api, story: Object) -> None:
        self.api = api
        self.story = story
        self.namespace = story["name"] + "-0a1b2c"
        self.answers: dict[str, Any] = {}
        self.uids: dict[str, str] = {}

    async def tell(self) -> list[str]:
        """Where the answers differ."""
        metadata = self.story.get("namespace", {})
        if metadata is not False:
            await self.api.create("/api/v1/namespaces", self.namespace, metadata=metadata)
            await until(self.settled)
        found: list[str] = []
        for step in self.story["steps"]:
            reply = await self.ask(step)
            found += [f"{step['id']}: {difference}" for difference in self.judge(step, reply)]
        return found

    async def settled(self) -> bool:
        there = f"/api/v1/namespaces/{self.namespace}"
        paths = (f"{there}/serviceaccounts/default", f"{there}/configmaps/kube-root-ca.crt")
        return all([(await self.api.get(path)).code == 200 for path in paths])

    def fill(self, value: Any) -> Any:
        """With the namespace and what earlier answers said."""
        if isinstance(value, dict):
            return {self.fill(key): self.fill(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.fill(item) for item in value]
        if not isinstance(value, str):
            return value
        value = value.replace("$NS", self.namespace)
        whole = re.fullmatch(r"\$\{([\w-]+):([^}]+)\}", value)
        if whole:
            return find(self.answers[whole[1]], whole[2])
        return re.sub(r"\$\{([\w-]+):([^}]+)\}", lambda one: str(find(self.answers[one[1]], one[2])), value)

    async def ask(self, step: Object) -> Reply:
        ask = self.fill(step["ask"])
        headers = {"user-agent": "parity/1.0", **ask.get("headers", {})}
        accept, content = headers.pop("accept", "application/json"), headers.pop("content-type", "")
        body = ask.get("body")

        async def once() -> Reply:
            data = body.encode() if isinstance(body, str) else body
            reply = await self.api.ask(
                ask["method"], ask["path"], data, accept=accept, content_type=content, headers=headers
            )
            self.answers[step["id"]] = body_of(reply)
            return reply

        async def settled() -> Reply | None:
            reply = await once()
            wanted = self.fill(step["until"]).items()
            have = {path: reply.code if path == "code" else find(body_of(reply), path) for path, _ in wanted}
            return reply if all(have[p] if want == "*" else have[p] == want for p, want in wanted) else None

        if "until" in step:
            found: Reply = await until(settled)
            return found
        return await once()

    # ------------------------------------------------------------ comparing

    def judge(self, step: Object, reply: Reply) -> Iterator[str]:
        want, got = step["answer"], body_of(reply)
        if reply.code != want["code"]:
            yield f"code {want['code']}, not {reply.code} {reply.body[:500]!r}"
            return
        warnings = want.get("warning", [])
        if not self.same([warnings] if isinstance(warnings, str) else warnings, reply.warnings):
            yield f"warnings {warnings}, not {reply.warnings}"
        kind = want.get("type", "application/json")
        if reply.headers.get("content-type") != kind:
            yield f"type {kind}, not {reply.headers.get('content-type')}"
        for path in step.get("drop", ()):
            remove(got, path)
        if step.get("mine"):
            for obj in objects_of(got):
                without_controllers(obj)
        if "keep" in step:
            got = {path: find(got, path) for path in step["keep"]}
        yield from self.differences(want["body"], got, "")

    def differences(self, want: Any, got: Any, path: str) -> Iterator[str]:
        if isinstance(want, dict) and isinstance(got, dict):
            wanted = {self.known(key): value for key, value in want.items()}
            for key in sorted(wanted.keys() | got.keys()):
                if key not in got:
                    yield f"{path}.{key} is missing: {wanted[key]!r}"
                elif key not in wanted:
                    yield f"{path}.{key} is too much: {got[key]!r}"
                elif (
                    key.rpartition(".")[2] in UNORDERED and isinstance(got[key], list) and isinstance(wanted[key], list)
                ):
                    yield from self.unordered(wanted[key], got[key], f"{path}.{key}")
                else:
                    yield from self.differences(wanted[key], got[key], f"{path}.{key}")
        elif isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
            for position, (one, other) in enumerate(zip(want, got, strict=True)):
                yield from self.differences(one, other, f"{path}[{position}]")
        elif not self.same(want, got):
            yield f"{path}: {want!r}, not {got!r}"

    def unordered(self, want: list[Any], got: list[Any], path: str) -> Iterator[str]:
        left = list(got)
        for one in want:
            match = next((other for other in left if not list(self.differences(one, other, ""))), None)
            if match is None:
                yield f"{path}: no {one!r} in {left!r}"
            else:
                left.remove(match)
        if left:
            yield f"{path}: too much: {left!r}"

    def known(self, text: str) -> str:
        for number, uid in self.uids.items():
            text = text.replace(number, uid)
        return text.replace("$NS", self.namespace)

    def same(self, want: Any, got: Any) -> bool:
        if isinstance(want, list) and isinstance(got, list):
            return len(want) == len(got) and all(map(self.same, want, got))
        if not isinstance(want, str):
            return bool(want == got) and type(want) is type(got)
        want = self.known(want)
        if PLACEHOLDER.fullmatch(want):
            if want.startswith("uid#") and isinstance(got, str):
                self.uids[want] = got
            return got is not None
        if not isinstance(got, str):
            return False
        pieces = PLACEHOLDER.split(want)
        return re.fullmatch(".+?".join(map(re.escape, pieces)), got, re.DOTALL) is not None


def objects_of(body: Any) -> Iterator[Object]:
    """The object itself, or those of a list or a Table."""
    rows = find(body, "rows[*].object") or []
    for obj in (body, *(find(body, "items") or []), *rows):
        if isinstance(obj, dict) and "metadata" in obj and obj.get("kind") != "Status":
            yield obj


def without_controllers(obj: Object) -> None:
    """Without what others than the story's own client wrote."""
    obj.pop("status", None)
    if entries := obj["metadata"].get("managedFields"):
        obj["metadata"]["managedFields"] = [one for one in entries if one["manager"].startswith("parity")]


def body_of(reply: Reply) -> Any:
    if "protobuf" in reply.headers.get("content-type", ""):
        return f"<binary {reply.body[:4].hex()}>"
    try:
        return orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        return reply.body.decode(errors="replace")


@pytest.mark.parametrize("name", STORIES)
async def test_the_answers_are_the_real_ones(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FRESHNESS_PATIENCE", 0.05)  # the real one waits three seconds for the future
    story = orjson.loads((RECORDED / f"{name}.json").read_bytes())
    async with api_server(upkeep=True, controllers=CONTROLLERS) as api:
        differences = await Story(api, story).tell()
    assert not differences, "\n".join(differences)


def test_the_recordings_stay_small() -> None:
    assert sum(path.stat().st_size for path in RECORDED.glob("*.json")) < 300_000
