"""Do requests go where they should, come back as they should, and get tried again when they should?"""

from __future__ import annotations

import asyncio

import orjson
import pytest

from minikube_edu.client.errors import ApiError
from minikube_edu.client.rest import JSON_PATCH, Client, Resource
from minikube_edu.client.sending import Impersonation, Sender
from minikube_edu.lib import clock
from minikube_edu.lib.web.inprocess import InProcess
from minikube_edu.lib.web.messages import Answer, Request, Response
from tests.client.server import Server, failure

CONFIGMAPS = Resource("", "v1", "configmaps")
NODES = Resource("", "v1", "nodes", namespaced=False)
DEPLOYMENTS = Resource("apps", "v1", "deployments")


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def client(server: Server) -> Client:
    return Client(Sender(InProcess(server)), field_manager="me")


def test_where_do_objects_live() -> None:
    assert DEPLOYMENTS.path("a", "b", "scale") == "/apis/apps/v1/namespaces/a/deployments/b/scale"
    assert NODES.path("ignored", "n") == "/api/v1/nodes/n"
    assert CONFIGMAPS.path("a", "x/y%") == "/api/v1/namespaces/a/configmaps/x%2Fy%25"
    assert str(DEPLOYMENTS) == "deployments.apps"
    assert DEPLOYMENTS.api_version == "apps/v1"


async def test_does_an_object_go_through_its_whole_life(server: Server, client: Client) -> None:
    made = await client.create(CONFIGMAPS, {"metadata": {"name": "a", "namespace": "default"}, "data": {"k": "v"}})
    assert made["data"] == {"k": "v"}
    assert (await client.get(CONFIGMAPS, "a", "default"))["metadata"]["uid"] == "uid-a"
    made["data"]["k"] = "w"
    changed = await client.update(CONFIGMAPS, made)
    assert changed["data"] == {"k": "w"}
    patched = await client.patch(CONFIGMAPS, "a", {"data": {"k": None, "l": "x"}}, "default", dry_run="All")
    assert patched["data"] == {"l": "x"}
    assert "dryRun=All" in server.requests[-1].query
    assert "fieldManager=me" in server.requests[-1].query
    await client.delete(CONFIGMAPS, "a", "default", options={"propagationPolicy": "Background"})
    assert orjson.loads(server.requests[-1].body)["propagationPolicy"] == "Background"
    with pytest.raises(ApiError) as caught:
        await client.get(CONFIGMAPS, "a", "default")
    assert caught.value.not_found
    assert caught.value.code == 404


async def test_do_patches_say_what_they_are(server: Server, client: Client) -> None:
    server.before = lambda request: Response(200, b"{}")
    await client.patch(CONFIGMAPS, "a", [{"op": "remove", "path": "/data"}], "default", kind=JSON_PATCH)
    assert server.requests[-1].header(b"content-type") == b"application/json-patch+json"
    await client.apply(DEPLOYMENTS, {"metadata": {"name": "a", "namespace": "n"}}, force=True)
    assert server.requests[-1].header(b"content-type") == b"application/apply-patch+yaml"
    assert server.requests[-1].query == "fieldManager=me&force=true"
    assert server.requests[-1].path == "/apis/apps/v1/namespaces/n/deployments/a"


async def test_is_a_stale_update_a_conflict(server: Server, client: Client) -> None:
    made = server.put("configmaps", "a")
    server.put("configmaps", "a")
    with pytest.raises(ApiError) as caught:
        await client.update(CONFIGMAPS, made)
    assert caught.value.conflict
    assert caught.value.status["details"] == {"name": "a"}


async def test_are_pages_put_together(server: Server, client: Client) -> None:
    for number in range(7):
        server.put("configmaps", f"c{number}")
    listed = await client.list_all(CONFIGMAPS, page=3)
    assert [item["metadata"]["name"] for item in listed["items"]] == [f"c{number}" for number in range(7)]
    assert listed["metadata"] == {"resourceVersion": "107"}
    assert len(server.asked("GET")) == 3


async def test_does_a_list_begin_anew_when_its_moment_has_passed(server: Server, client: Client) -> None:
    for number in range(5):
        server.put("configmaps", f"c{number}")

    def compact(request: Request) -> None:
        if "continue=" in request.query:
            server.compact()

    server.before = compact
    assert len((await client.list_all(CONFIGMAPS, page=2))["items"]) == 5
    assert "limit" not in server.requests[-1].query


@pytest.mark.parametrize("code", [429, 500, 503])
async def test_is_a_busy_server_asked_again_when_it_says(server: Server, client: Client, code: int) -> None:
    answers = [Response(code, b"busy", b"text/plain", [(b"Retry-After", b"7")])] * 3
    server.before = lambda request: answers.pop() if answers else None
    server.put("configmaps", "a")
    started = clock.monotonic()
    assert await client.get(CONFIGMAPS, "a", "default")
    assert clock.monotonic() - started == pytest.approx(21, abs=0.5)


async def test_is_an_error_without_retry_after_final(server: Server, client: Client) -> None:
    server.before = lambda request: failure(500, "InternalError", "boom")
    with pytest.raises(ApiError, match="boom"):
        await client.get(CONFIGMAPS, "a", "default")
    assert len(server.requests) == 1


async def test_does_a_server_that_stays_busy_get_given_up(server: Server) -> None:
    client = Client(Sender(InProcess(server), retries=2))
    server.before = lambda request: Response(429, b"", b"", [(b"Retry-After", b"1")])
    with pytest.raises(ApiError) as caught:
        await client.get(CONFIGMAPS, "a", "default")
    assert caught.value.reason == "TooManyRequests"
    assert caught.value.retry_after == 1
    assert len(server.requests) == 3


class Flaky(InProcess):
    """Fails to connect a few times."""

    def __init__(self, server: Server, errors: list[OSError]) -> None:
        super().__init__(server)
        self.errors = errors

    async def request(self, *arguments: object, **named: object):  # type: ignore[no-untyped-def]
        if self.errors:
            raise self.errors.pop()
        return await super().request(*arguments, **named)  # type: ignore[arg-type]


async def test_is_a_refused_connection_tried_again(server: Server) -> None:
    client = Client(Sender(Flaky(server, [ConnectionRefusedError()] * 3)))
    assert await client.create(CONFIGMAPS, {"metadata": {"name": "a", "namespace": "default"}})
    client = Client(Sender(Flaky(server, [ConnectionRefusedError()] * 9)))
    with pytest.raises(ConnectionRefusedError):
        await client.get(CONFIGMAPS, "a", "default")


async def test_is_a_write_on_a_broken_connection_not_repeated(server: Server) -> None:
    client = Client(Sender(Flaky(server, [ConnectionResetError()])))
    with pytest.raises(ConnectionResetError):
        await client.create(CONFIGMAPS, {"metadata": {"name": "a", "namespace": "default"}})
    client = Client(Sender(Flaky(server, [ConnectionResetError()])))
    assert (await client.list(CONFIGMAPS))["items"] == []


async def test_what_is_said_when_the_answer_is_no_status(server: Server, client: Client) -> None:
    server.before = lambda request: Response(404, b"404 page not found", b"text/plain")
    with pytest.raises(ApiError) as caught:
        await client.get(DEPLOYMENTS, "web", "default")
    assert caught.value.message == "the server could not find the requested resource (get deployments.apps web)"
    assert caught.value.details["causes"][0]["message"] == "404 page not found"
    server.before = lambda request: Response(502, b"bad gateway", b"text/plain")
    with pytest.raises(ApiError, match='an error on the server \\("bad gateway"\\) has prevented the request from'):
        await client.get(DEPLOYMENTS, "web", "default")


async def test_are_requests_held_back_by_the_rate(server: Server) -> None:
    client = Client(Sender(InProcess(server), qps=2, burst=2))
    started = clock.monotonic()
    await asyncio.gather(*(client.list(CONFIGMAPS) for _ in range(6)))
    assert clock.monotonic() - started == pytest.approx(2, abs=0.1)


class Renewed:
    def __init__(self) -> None:
        self.token = b"old"
        self.renewals = 0

    async def headers(self) -> list[tuple[bytes, bytes]]:
        return [(b"authorization", b"Bearer " + self.token)]

    def rejected(self) -> bool:
        self.renewals += 1
        self.token = b"new"
        return True


async def test_are_refused_credentials_renewed_once(server: Server) -> None:
    def check(request: Request) -> Answer | None:
        return None if request.header(b"authorization") == b"Bearer new" else failure(401, "Unauthorized")

    server.before = check
    credentials = Renewed()
    client = Client(Sender(InProcess(server), credentials=credentials))
    assert (await client.list(CONFIGMAPS))["items"] == []
    server.before = lambda request: failure(401, "Unauthorized")
    with pytest.raises(ApiError, match="Unauthorized"):
        await client.list(CONFIGMAPS)
    assert credentials.renewals == 2


async def test_does_the_server_hear_whom_to_impersonate(server: Server) -> None:
    who = Impersonation("jo", ("dev", "ops"), "42", {"Example.com/Why": ["a", "b"]})
    client = Client(Sender(InProcess(server), impersonate=who, user_agent="test/1"))
    await client.list(CONFIGMAPS)
    prefixes = (b"impersonate", b"user-agent")
    heard = [(key, value) for key, value in server.requests[0].headers if key.startswith(prefixes)]
    assert heard == [
        (b"user-agent", b"test/1"),
        (b"impersonate-user", b"jo"),
        (b"impersonate-group", b"dev"),
        (b"impersonate-group", b"ops"),
        (b"impersonate-uid", b"42"),
        (b"impersonate-extra-example.com%2fwhy", b"a"),
        (b"impersonate-extra-example.com%2fwhy", b"b"),
    ]


async def test_does_a_watch_bring_events_and_raise_errors(server: Server, client: Client) -> None:
    server.put("configmaps", "a")
    async with client.watch(CONFIGMAPS, resource_version="0") as events:
        server.put("configmaps", "b")
        server.bookmark("configmaps")
        seen = [(await anext(events)) for _ in range(3)]
    assert [event.type for event in seen] == ["ADDED", "ADDED", "BOOKMARK"]
    assert "allowWatchBookmarks=true" in server.requests[-1].query
    server.compact()
    with pytest.raises(ApiError) as caught:
        async with client.watch(CONFIGMAPS, resource_version="1") as events:
            await anext(events)
    assert caught.value.expired
    assert server.watchers[0][1].closed
