"""get and list: what is there, in which order, at which version, in which shape?"""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from minikube_edu.kube_apiserver.handlers import reading
from tests.in_process import PARTIAL, PARTIAL_LIST, TABLE, Api, api_server

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
POD: dict[str, Any] = {"spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}


async def fill(api: Api, *names: str) -> None:
    for name in names:
        await api.create(MAPS, name, data={"from": name}, metadata={"labels": {"letter": name[0], "long": name * 2}})


async def test_what_was_created_is_what_is_read(api: Api) -> None:
    made = await api.create(MAPS, "a", data={"key": "value"})
    found = await api.get(f"{MAPS}/a")
    assert found.code == 200
    assert found.json == made
    assert (found.json["kind"], found.json["apiVersion"]) == ("ConfigMap", "v1")


async def test_an_absent_object_is_named_in_the_refusal(api: Api) -> None:
    found = await api.get(f"{MAPS}/a")
    assert (found.code, found.reason, found.message) == (404, "NotFound", 'configmaps "a" not found')
    assert found.json["details"] == {"name": "a", "kind": "configmaps"}


async def test_a_list_is_in_the_order_of_keys_whatever_the_order_of_creation(api: Api) -> None:
    await fill(api, "c", "a", "b")
    found = await api.get(MAPS)
    assert found.names == ["a", "b", "c"]
    assert found.json["kind"] == "ConfigMapList"
    assert "kind" not in found.json["items"][0]


async def test_a_list_of_all_namespaces_has_them_in_order(api: Api) -> None:
    await fill(api, "x")
    await api.create("/api/v1/namespaces/kube-public/configmaps", "y")
    found = await api.get("/api/v1/configmaps")
    assert [item["metadata"]["namespace"] for item in found.json["items"]] == ["default", "kube-public"]


async def test_an_empty_list_has_items_and_a_version(api: Api) -> None:
    found = await api.get(MAPS)
    assert found.json["items"] == []
    assert int(found.version) == api.registry.cache.revision


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("letter=a", ["a1", "a2"]),
        ("letter==b", ["b1"]),
        ("letter!=a", ["b1", "c1"]),
        ("letter in (b,c)", ["b1", "c1"]),
        ("letter notin (a)", ["b1", "c1"]),
        ("letter,long!=b1b1", ["a1", "a2", "c1"]),
        ("!letter", []),
        ("nobody", []),
    ],
)
async def test_labels_select(api: Api, selector: str, names: list[str]) -> None:
    await fill(api, "a1", "a2", "b1", "c1")
    assert (await api.get(f"{MAPS}?labelSelector={selector}")).names == names


async def test_an_unreadable_selector_is_a_bad_request(api: Api) -> None:
    found = await api.get(f"{MAPS}?labelSelector=a in (")
    assert (found.code, found.reason) == (400, "BadRequest")
    assert found.message.startswith("unable to parse requirement: ")


async def test_fields_select_by_kind(api: Api) -> None:
    await fill(api, "a", "b")
    assert (await api.get("/api/v1/configmaps?fieldSelector=metadata.name=b")).names == ["b"]
    assert (await api.get("/api/v1/configmaps?fieldSelector=metadata.namespace!=default")).names == []
    refused = await api.get(f"{MAPS}?fieldSelector=data.from=a")
    assert refused.code == 400
    known = 'only "metadata.name", "metadata.namespace"'
    assert refused.message == f'"data.from" is not a known field selector: {known}'


async def test_pods_are_selected_by_node_and_phase() -> None:
    async with api_server("--disable-admission-plugins=ServiceAccount") as api:
        await api.create(PODS, "on", spec={**POD["spec"], "nodeName": "n1"})
        await api.create(PODS, "off", **POD)
        assert (await api.get(f"{PODS}?fieldSelector=spec.nodeName=n1")).names == ["on"]
        assert (await api.get(f"{PODS}?fieldSelector=spec.nodeName=,status.phase=Pending")).names == ["off"]


# ---------------------------------------------------------------- pages


async def test_pages_together_are_the_list(api: Api) -> None:
    await fill(api, *"abcde")
    names, token, left = [], "", []
    while True:
        page = await api.get(f"{MAPS}?limit=2&continue={token}")
        names += page.names
        left.append(page.json["metadata"].get("remainingItemCount"))
        token = page.json["metadata"].get("continue", "")
        if not token:
            break
    assert names == list("abcde")
    assert left == [3, 1, None]


async def test_later_pages_show_the_list_as_it_was_at_the_first(api: Api) -> None:
    await fill(api, *"abcd")
    first = await api.get(f"{MAPS}?limit=2")
    await api.delete(f"{MAPS}/c")
    await api.patch(f"{MAPS}/d", {"data": {"from": "later"}})
    await fill(api, "e")
    second = await api.get(f"{MAPS}?limit=5&continue={first.json['metadata']['continue']}")
    assert second.names == ["c", "d"]
    shorter = await api.get(f"{MAPS}?limit=1&continue={first.json['metadata']['continue']}")
    assert (shorter.names, shorter.json["metadata"]["remainingItemCount"]) == (["c"], 1)
    assert second.json["items"][1]["data"] == {"from": "d"}
    assert second.version == first.version


async def test_a_selector_holds_across_pages_and_then_nobody_counts_what_is_left(api: Api) -> None:
    await fill(api, "a1", "b1", "a2", "b2", "a3")
    first = await api.get(f"{MAPS}?limit=2&labelSelector=letter=a")
    assert first.names == ["a1", "a2"]
    assert "remainingItemCount" not in first.json["metadata"]
    token = first.json["metadata"]["continue"]
    assert (await api.get(f"{MAPS}?limit=2&labelSelector=letter=a&continue={token}")).names == ["a3"]


async def test_an_expired_token_offers_to_go_on_without_consistency(api: Api) -> None:
    await fill(api, *"abcd")
    token = (await api.get(f"{MAPS}?limit=2")).json["metadata"]["continue"]
    await api.delete(f"{MAPS}/c")
    await fill(api, "e")
    await api.store.compact(api.store.revision, physical=True)
    expired = await api.get(f"{MAPS}?limit=2&continue={token}")
    assert (expired.code, expired.reason) == (410, "Expired")
    assert expired.message.startswith("The provided continue parameter is too old to display a consistent list result.")
    fresh = expired.json["metadata"]["continue"]
    inconsistent = await api.get(f"{MAPS}?limit=2&continue={fresh}")
    assert inconsistent.names == ["d", "e"]  # as it is now
    assert int(inconsistent.version) == api.store.revision


async def test_tokens_are_the_real_ones_base64(api: Api) -> None:
    await fill(api, "a", "b")
    token = (await api.get(f"{MAPS}?limit=1")).json["metadata"]["continue"]
    inside = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    assert inside == {"v": "meta.k8s.io/v1", "rv": api.store.revision, "start": "a\0"}


async def test_a_token_and_a_version_exclude_each_other(api: Api) -> None:
    await fill(api, "a", "b")
    token = (await api.get(f"{MAPS}?limit=1")).json["metadata"]["continue"]
    refused = await api.get(f"{MAPS}?continue={token}&resourceVersion=1")
    assert refused.code == 400
    assert refused.message == "specifying resource version is not allowed when using continue"


# ---------------------------------------------------------------- versions


async def test_any_version_will_do_when_the_client_says_zero(api: Api) -> None:
    await fill(api, "a", "b")
    found = await api.get(f"{MAPS}?resourceVersion=0&limit=1")
    assert found.names == ["a", "b"]  # and its cache knows no pages


async def test_an_exact_version_is_the_past(api: Api) -> None:
    await fill(api, "a")
    version = (await api.get(MAPS)).version
    await fill(api, "b")
    found = await api.get(f"{MAPS}?resourceVersion={version}&resourceVersionMatch=Exact")
    assert (found.names, found.version) == (["a"], version)


async def test_not_older_than_may_be_newer(api: Api) -> None:
    await fill(api, "a")
    version = (await api.get(MAPS)).version
    await fill(api, "b")
    assert (await api.get(f"{MAPS}?resourceVersion={version}&resourceVersionMatch=NotOlderThan")).names == ["a", "b"]


async def test_an_exact_version_that_is_compacted_away_is_gone(api: Api) -> None:
    await fill(api, "a")
    version = (await api.get(MAPS)).version
    await fill(api, "b")
    await api.store.compact(api.store.revision)
    found = await api.get(f"{MAPS}?resourceVersion={version}&resourceVersionMatch=Exact")
    assert (found.code, found.reason) == (410, "Expired")
    assert found.message == "The resourceVersion for the provided list is too old."


@pytest.mark.parametrize("path", [MAPS, f"{MAPS}/a"])
async def test_a_version_of_the_future_is_waited_for_and_then_too_large(
    api: Api, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FRESHNESS_PATIENCE", 0.01)
    await fill(api, "a")
    found = await api.get(f"{path}?resourceVersion=999999")
    assert (found.code, found.reason) == (504, "Timeout")
    assert found.message.startswith("Timeout: Too large resource version: 999999, current: ")
    assert found.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert found.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ("resourceVersion=x", 400, "invalid resource version"),
        ("resourceVersionMatch=Exact", 422, "resourceVersionMatch is forbidden unless resourceVersion is provided"),
        ("resourceVersion=0&resourceVersionMatch=Exact", 422, 'resourceVersionMatch "exact" is forbidden'),
        ("resourceVersion=1&resourceVersionMatch=What", 422, 'supported values: "Exact", "NotOlderThan", ""'),
        ("sendInitialEvents=true", 422, "sendInitialEvents is forbidden for list"),
        ("continue=e30", 400, "invalid continue token"),
    ],
)
async def test_options_that_make_no_sense_are_refused(api: Api, query: str, code: int, words: str) -> None:
    found = await api.get(f"{MAPS}?{query}")
    assert found.code == code
    assert words in found.message


# ---------------------------------------------------------------- shapes


async def test_a_table_has_columns_and_rows_with_metadata(api: Api) -> None:
    await fill(api, "a", "b")
    table = (await api.get(MAPS, accept=TABLE)).json
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
    assert [row["cells"][:2] for row in table["rows"]] == [["a", 1], ["b", 1]]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert "data" not in table["rows"][0]["object"]


@pytest.mark.parametrize(
    ("include", "kind"), [("None", None), ("Metadata", "PartialObjectMetadata"), ("Object", "ConfigMap")]
)
async def test_rows_bear_what_was_asked_for(api: Api, include: str, kind: str | None) -> None:
    await fill(api, "a")
    for path in (MAPS, f"{MAPS}/a"):
        row = (await api.get(f"{path}?includeObject={include}", accept=TABLE)).json["rows"][0]
        assert (row["object"] or {}).get("kind") == kind


async def test_a_table_of_a_page_goes_on_like_the_list(api: Api) -> None:
    await fill(api, "a", "b", "c")
    table = (await api.get(f"{MAPS}?limit=1", accept=TABLE)).json
    assert (len(table["rows"]), table["metadata"]["remainingItemCount"]) == (1, 2)
    rest = (await api.get(f"{MAPS}?continue={table['metadata']['continue']}", accept=TABLE)).json
    assert [row["cells"][0] for row in rest["rows"]] == ["b", "c"]


async def test_metadata_alone_is_an_object_without_the_rest(api: Api) -> None:
    await fill(api, "a")
    one = (await api.get(f"{MAPS}/a", accept=PARTIAL)).json
    assert set(one) == {"kind", "apiVersion", "metadata"}
    assert (one["kind"], one["metadata"]["name"]) == ("PartialObjectMetadata", "a")
    many = (await api.get(MAPS, accept=PARTIAL_LIST)).json
    assert many["kind"] == "PartialObjectMetadataList"
    assert [set(item) for item in many["items"]] == [{"kind", "apiVersion", "metadata"}]


async def test_yaml_and_protobuf_say_the_same(api: Api) -> None:
    import yaml

    from minikube_edu.api.wire import protobuf

    await fill(api, "a")
    plain = await api.get(f"{MAPS}/a")
    text = await api.get(f"{MAPS}/a", accept="application/yaml")
    assert text.headers["content-type"] == "application/yaml"
    loaded = yaml.load(text.body, yaml.BaseLoader)
    assert loaded["metadata"]["uid"] == plain.json["metadata"]["uid"]
    binary = await api.get(f"{MAPS}/a", accept="application/vnd.kubernetes.protobuf")
    assert binary.headers["content-type"] == "application/vnd.kubernetes.protobuf"
    assert binary.body.startswith(b"k8s\0")
    assert protobuf.decode(binary.body)["data"] == {"from": "a"}


async def test_what_nobody_can_write_is_not_acceptable(api: Api) -> None:
    refused = await api.get(MAPS, accept="application/cbor")
    assert (refused.code, refused.reason) == (406, "NotAcceptable")
    assert refused.message.startswith("406: Not Acceptable\n\nAvailable representations: application/json, ")


async def test_pretty_is_for_people(api: Api) -> None:
    await fill(api, "a")
    assert (await api.get(f"{MAPS}/a?pretty=true")).body.startswith(b'{\n  "kind": "ConfigMap",\n')
    assert (await api.get(f"{MAPS}/a")).body.startswith(b'{"kind":"ConfigMap",')
