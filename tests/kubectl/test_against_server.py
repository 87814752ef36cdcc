"""Does kubectl do with a real API server what people expect of it? (The server runs in this test's own loop.)"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from minikube_edu.kubectl import app
from minikube_edu.lib.web.messages import Answer, Request
from minikube_edu.lib.web.server import serve
from tests.in_process import ADMIN, api_server

Typed = Callable[..., Awaitable[tuple[str, str, int]]]

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {one: '1', two: '2'}\n"


@pytest.fixture
async def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Typed]:
    """kubectl in a thread, the server's loop here."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    async with api_server() as api:

        def handle(request: Request) -> Answer | Awaitable[Answer]:
            request.peer.memo["user"] = ADMIN
            return api.server.handle(request)

        server = await serve(handle, "127.0.0.1", 0)

        async def typed(*words: str, stdin: str = "") -> tuple[str, str, int]:
            out, err = io.StringIO(), io.StringIO()
            where = f"--server=http://127.0.0.1:{server.port}"
            code = await asyncio.to_thread(app.run, [where, *words], out, err, io.StringIO(stdin))
            return out.getvalue(), err.getvalue(), code

        yield typed
        await server.close()


async def test_is_what_was_applied_created_then_left_then_changed(kubectl: Typed) -> None:
    assert (await kubectl("apply", "-f", "-", stdin=MAP))[0] == "configmap/settings created\n"
    assert (await kubectl("apply", "-f", "-", stdin=MAP))[0] == "configmap/settings unchanged\n"
    changed = MAP.replace(", two: '2'", ", three: '3'")
    assert (await kubectl("apply", "-f", "-", stdin=changed))[0] == "configmap/settings configured\n"
    out, _, _ = await kubectl("get", "cm", "settings", "-o", "jsonpath={.data}")
    assert out == '{"one":"1","three":"3"}'


async def test_are_tables_laid_out_and_emptiness_told(kubectl: Typed) -> None:
    assert await kubectl("get", "cm", "-l", "none=here") == ("", "No resources found in default namespace.\n", 0)
    await kubectl("create", "configmap", "one", "--from-literal=a=1")
    out, _, _ = await kubectl("get", "cm", "one", "--no-headers")
    assert out.split()[:2] == ["one", "1"]
    assert (await kubectl("get", "cm,secret", "-o", "name"))[0] == "configmap/one\n"


async def test_are_missing_things_told_as_the_server_does(kubectl: Typed) -> None:
    assert await kubectl("get", "pod", "x") == ("", 'Error from server (NotFound): pods "x" not found\n', 1)
    assert await kubectl("get", "foo") == ("", 'error: the server doesn\'t have a resource type "foo"\n', 1)
    _, err, code = await kubectl("delete", "cm", "a", "b")
    assert code == 1
    assert err.count("NotFound") == 2


async def test_do_labels_change_and_say_so(kubectl: Typed) -> None:
    await kubectl("create", "configmap", "one")
    assert (await kubectl("label", "cm", "one", "env=prod"))[0] == "configmap/one labeled\n"
    assert (await kubectl("label", "cm", "one", "env=test"))[1] == (
        "error: 'env' already has a value (prod), and --overwrite is false\n"
    )
    assert (await kubectl("label", "cm", "one", "env-"))[0] == "configmap/one unlabeled\n"


async def test_is_a_deletion_waited_for(kubectl: Typed) -> None:
    await kubectl("create", "configmap", "one")
    assert (await kubectl("delete", "cm", "one"))[0] == 'configmap "one" deleted from default namespace\n'
    assert (await kubectl("wait", "--for=delete", "cm/one", "--timeout=1s"))[2] == 0


async def test_are_several_faults_of_an_object_listed(kubectl: Typed) -> None:
    config = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"Bad_Name"},"data":{"a b":"1"}}'
    _, err, code = await kubectl("create", "-f", "-", stdin=config)
    assert code == 1
    assert err.startswith('The ConfigMap "Bad_Name" is invalid: \n* metadata.name: Invalid value')
    assert "\n* data[a b]: Invalid value" in err


EVENT = """
apiVersion: v1
kind: Event
metadata: {name: %s}
involvedObject: {apiVersion: v1, kind: Pod, name: %s, namespace: default}
type: %s
reason: R
message: told
%s
"""


async def test_are_events_shown_in_the_order_of_time_and_of_one_object_or_type(kubectl: Typed) -> None:
    times = ['lastTimestamp: "2026-01-01T00:00:02Z"', 'eventTime: "2026-01-01T00:00:01.500000Z"', "count: 1"]
    whose = [("late", "web", "Warning"), ("early", "db", "Normal"), ("never", "web", "Normal")]
    extra = "reportingComponent: k/k\nreportingInstance: i\naction: A"
    for (name, pod, type_), when in zip(whose, times, strict=True):
        text = EVENT % (name, pod, type_, when + ("\n" + extra if "eventTime" in when else ""))
        assert (await kubectl("create", "-f", "-", stdin=text))[1:] == ("", 0)
    names = ("-o", "jsonpath={.items[*].metadata.name}")
    assert (await kubectl("events", *names))[0] == "never early late"
    assert (await kubectl("events", "--types=warning", *names))[0] == "late"
    assert (await kubectl("events", "--for=pod/web", *names))[0] == "never late"
    assert (await kubectl("events", "--for=pod/", *names))[0] == "never early late"
    assert (await kubectl("events", "--for=nope/x"))[1:] == ('the server doesn\'t have a resource type "nope"\n', 1)
    assert (await kubectl("events", "--for=pod"))[1:] == ("error: --for must be in resource/name form\n", 1)


async def test_is_an_object_without_a_name_never_taken_for_all_of_its_kind(kubectl: Typed) -> None:
    await kubectl("create", "configmap", "kept")
    nameless = "apiVersion: v1\nkind: ConfigMap\n"
    for verb in ("delete", "replace", "diff"):
        _, err, code = await kubectl(verb, "-f", "-", stdin=nameless)
        assert err.endswith("resource name may not be empty\n")
        assert code
    assert (await kubectl("get", "cm", "kept", "-o", "name"))[0] == "configmap/kept\n"


async def test_what_is_said_of_a_file_without_a_version_or_a_kind(kubectl: Typed) -> None:
    missing = "the server could not find the requested resource\n"
    one = "kind: ConfigMap\nmetadata: {name: x}\n"
    assert (await kubectl("get", "-f", "-", stdin=one))[1] == f"Error from server (NotFound): {missing}"
    told = f'Error from server (NotFound): error when deleting "STDIN": {missing}'
    assert (await kubectl("delete", "-f", "-", stdin=one))[1] == told
    listed = "apiVersion: v1\nkind: List\nitems:\n- kind: ConfigMap\n  metadata: {name: x}\n"
    unknown = "Object 'apiVersion' is missing in 'object has no apiVersion field'\n"
    told = f'unable to get type info from the object "*unstructured.Unstructured": {unknown}'
    assert (await kubectl("delete", "-f", "-", stdin=listed))[1] == told
    assert (await kubectl("diff", "-f", "-", stdin=listed))[1:] == (f"error: {told}", 2)
    odd = "apiVersion: v1/v2/v3\nkind: Foo\nmetadata: {name: x}\n"
    told = (await kubectl("create", "-f", "-", stdin=odd))[1]
    assert "error validating data: unexpected GroupVersion string: v1/v2/v3; if you" in told
