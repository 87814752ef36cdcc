"""create, update, patch: what is stored, what is refused, and with which words?"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from minikube_edu.api.wire import protobuf
from minikube_edu.lib import ids
from tests.in_process import Api, api_server

MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
Object = dict[str, Any]


def deployment(name: str, **spec: Any) -> Object:
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nginx:1"}]}}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template, **spec}}


# ---------------------------------------------------------------- create


async def test_the_system_fills_in_what_only_it_may_say(api: Api) -> None:
    sent = {"metadata": {"name": "a", "uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "selfLink": "/x"}}
    made = (await api.post(MAPS, sent)).json["metadata"]
    assert len(made["uid"]) == 36
    assert not made["creationTimestamp"].startswith("2001")
    assert int(made["resourceVersion"]) == api.store.revision
    assert made["namespace"] == "default"
    assert "selfLink" not in made


async def test_a_name_is_given_once(api: Api) -> None:
    await api.create(MAPS, "a")
    again = await api.post(MAPS, {"metadata": {"name": "a"}})
    assert (again.code, again.reason) == (409, "AlreadyExists")
    assert again.message == 'configmaps "a" already exists'


async def test_names_are_generated_from_a_prefix(api: Api) -> None:
    made = (await api.post(MAPS, {"metadata": {"generateName": "job-"}})).json["metadata"]
    assert made["generateName"] == "job-"
    assert len(made["name"]) == len("job-") + 5
    assert set(made["name"][4:]) <= set(ids.ALPHABET)


async def test_a_generated_name_that_is_taken_is_generated_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    suffixes = iter(["aaaaa", "aaaaa", "bbbbb"])
    monkeypatch.setattr(ids, "suffix", lambda length=5: next(suffixes))
    names = [(await api.post(MAPS, {"metadata": {"generateName": "x-"}})).json["metadata"]["name"] for _ in range(2)]
    assert names == ["x-aaaaa", "x-bbbbb"]


async def test_bad_names_are_refused_with_their_rule(api: Api) -> None:
    refused = await api.post(MAPS, {"metadata": {"name": "Bad_Name"}})
    assert (refused.code, refused.reason) == (422, "Invalid")
    assert refused.message.startswith('ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": ')
    assert refused.json["details"]["causes"][0]["field"] == "metadata.name"


async def test_nothing_is_created_where_there_is_no_namespace(api: Api) -> None:
    refused = await api.post("/api/v1/namespaces/nowhere/configmaps", {"metadata": {"name": "a"}})
    assert (refused.code, refused.message) == (404, 'namespaces "nowhere" not found')


async def test_defaults_are_stored_not_made_up_when_read(api: Api) -> None:
    made = await api.post(DEPLOYMENTS, deployment("web"))
    assert made.json["spec"]["replicas"] == 1
    assert made.json["spec"]["strategy"]["type"] == "RollingUpdate"
    assert made.json["metadata"]["generation"] == 1
    stored = api.registry.get_object("apps", "deployments", "default", "web")
    assert stored is not None
    assert stored["spec"]["template"]["spec"]["restartPolicy"] == "Always"


async def test_all_that_is_wrong_is_said_at_once(api: Api) -> None:
    wrong = deployment("web", replicas=-1)
    wrong["spec"]["template"]["metadata"]["labels"] = {"other": "x"}
    refused = await api.post(DEPLOYMENTS, wrong)
    assert refused.code == 422
    assert [cause["field"] for cause in refused.json["details"]["causes"]] == [
        "spec.replicas",
        "spec.template.metadata.labels",
    ]
    assert refused.message.startswith('Deployment.apps "web" is invalid: [spec.replicas: Invalid value: -1: ')


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"a": }', b"\xff\xfe", b""])
async def test_a_body_that_is_no_object_is_a_bad_request(api: Api, body: bytes) -> None:
    refused = await api.post(MAPS, body)
    assert (refused.code, refused.reason) == (400, "BadRequest")


async def test_another_kind_does_not_belong_here(api: Api) -> None:
    refused = await api.post(MAPS, {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "a"}})
    assert (refused.code, refused.reason) == (400, "BadRequest")


# ---------------------------------------------------------------- field validation


async def test_unknown_and_doubled_fields_are_refused_when_the_client_is_strict(api: Api) -> None:
    body = b'{"metadata":{"name":"a"},"data":{"x":"1","x":"2"},"dta":{}}'
    refused = await api.post(f"{MAPS}?fieldValidation=Strict", body)
    assert refused.code == 400
    assert 'strict decoding error: duplicate field "data.x", unknown field "dta"' in refused.message
    assert (await api.get(f"{MAPS}/a")).code == 404


async def test_they_are_warned_about_by_default_and_dropped(api: Api) -> None:
    body = b'{"metadata":{"name":"a"},"data":{"x":"1","x":"2"},"dta":{}}'
    made = await api.post(MAPS, body)
    assert made.code == 201
    assert made.warnings == ['299 - "duplicate field \\"data.x\\""', '299 - "unknown field \\"dta\\""']
    assert "dta" not in made.json


async def test_who_does_not_want_to_know_is_not_told(api: Api) -> None:
    made = await api.post(f"{MAPS}?fieldValidation=Ignore", {"metadata": {"name": "a"}, "dta": {}})
    assert (made.code, made.warnings) == (201, [])


async def test_a_wrong_type_is_refused_whatever_the_client_wants(api: Api) -> None:
    refused = await api.post(f"{MAPS}?fieldValidation=Ignore", {"metadata": {"name": "a"}, "data": {"x": 1}})
    assert refused.code == 400
    assert "json: cannot unmarshal number into Go struct field ConfigMap.data of type string" in refused.message


# ---------------------------------------------------------------- bodies


async def test_yaml_is_a_body_too(api: Api) -> None:
    body = b"kind: ConfigMap\napiVersion: v1\nmetadata:\n  name: a\ndata:\n  x: 'yes'\n"
    made = await api.post(MAPS, body, content_type="application/yaml")
    assert (made.code, made.json["data"]) == (201, {"x": "yes"})


@pytest.mark.parametrize(
    ("path", "obj"),
    [
        (MAPS, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"x": "1"}}),
        ("/api/v1/namespaces", {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "a"}}),
        (DEPLOYMENTS, {"kind": "Deployment", "apiVersion": "apps/v1", **deployment("a", replicas=3)}),
        (
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            {
                "kind": "SelfSubjectAccessReview",
                "apiVersion": "authorization.k8s.io/v1",
                "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}},
            },
        ),
    ],
)
async def test_protobuf_bodies_are_what_kubectl_sends(api: Api, path: str, obj: Object) -> None:
    made = await api.post(path, protobuf.encode(obj), content_type="application/vnd.kubernetes.protobuf")
    assert made.code == 201
    assert made.headers["content-type"] == "application/json"
    assert made.json["kind"] == obj["kind"]
    if obj["kind"] == "Deployment":
        assert made.json["spec"]["replicas"] == 3
    if obj["kind"] == "SelfSubjectAccessReview":
        assert made.json["status"]["allowed"] is True


async def test_protobuf_comes_back_to_who_asks_for_it(api: Api) -> None:
    obj = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"x": "1"}}
    kind = "application/vnd.kubernetes.protobuf"
    made = await api.post(MAPS, protobuf.encode(obj), content_type=kind, accept=f"{kind},application/json")
    assert protobuf.decode(made.body)["data"] == {"x": "1"}


async def test_other_media_are_not_supported(api: Api) -> None:
    refused = await api.post(MAPS, b"x", content_type="text/plain")
    assert (refused.code, refused.reason) == (415, "UnsupportedMediaType")


# ---------------------------------------------------------------- update


async def test_an_update_from_the_newest_version_wins(api: Api) -> None:
    made = await api.create(MAPS, "a", data={"x": "1"})
    changed = await api.put(f"{MAPS}/a", {**made, "data": {"x": "2"}})
    assert changed.code == 200
    assert changed.json["metadata"]["uid"] == made["metadata"]["uid"]
    assert int(changed.version) > int(made["metadata"]["resourceVersion"])


async def test_an_update_from_an_old_version_is_a_conflict(api: Api) -> None:
    made = await api.create(MAPS, "a", data={"x": "1"})
    await api.patch(f"{MAPS}/a", {"data": {"x": "2"}})
    lost = await api.put(f"{MAPS}/a", {**made, "data": {"x": "3"}})
    assert (lost.code, lost.reason) == (409, "Conflict")
    assert lost.message == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


async def test_an_update_without_a_version_takes_what_is_there(api: Api) -> None:
    await api.create(MAPS, "a", data={"x": "1"})
    changed = await api.put(f"{MAPS}/a", {"metadata": {"name": "a"}, "data": {"y": "2"}})
    assert (changed.code, changed.json["data"]) == (200, {"y": "2"})


async def test_a_lease_wants_its_version(api: Api) -> None:
    leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    await api.create(leases, "a")
    refused = await api.put(f"{leases}/a", {"metadata": {"name": "a"}})
    assert (refused.code, refused.reason) == (422, "Invalid")
    assert "metadata.resourceVersion: Invalid value: " in refused.message


async def test_another_uid_is_another_object(api: Api) -> None:
    await api.create(MAPS, "a")
    refused = await api.put(f"{MAPS}/a", {"metadata": {"name": "a", "uid": "other"}})
    assert (refused.code, refused.reason) == (409, "Conflict")
    assert "Precondition failed: UID in precondition: other" in refused.message


async def test_the_name_in_the_path_and_in_the_body_agree(api: Api) -> None:
    await api.create(MAPS, "a")
    refused = await api.put(f"{MAPS}/a", {"metadata": {"name": "b"}})
    assert refused.message == "the name of the object (b) does not match the name on the URL (a)"


async def test_what_is_immutable_stays(api: Api) -> None:
    made = (await api.post(DEPLOYMENTS, deployment("web"))).json
    made["spec"]["selector"]["matchLabels"]["more"] = "x"
    made["spec"]["template"]["metadata"]["labels"]["more"] = "x"
    refused = await api.put(f"{DEPLOYMENTS}/web", made)
    assert refused.code == 422
    assert "spec.selector: Invalid value: " in refused.message
    assert refused.message.endswith("field is immutable")


async def test_a_generation_counts_changes_of_the_spec_alone(api: Api) -> None:
    await api.post(DEPLOYMENTS, deployment("web"))
    path = f"{DEPLOYMENTS}/web"
    labelled = await api.patch(path, {"metadata": {"labels": {"a": "b"}}})
    scaled = await api.patch(path, {"spec": {"replicas": 2}})
    reported = await api.patch(f"{path}/status", {"status": {"replicas": 1}, "spec": {"replicas": 9}})
    assert [reply.json["metadata"]["generation"] for reply in (labelled, scaled, reported)] == [1, 2, 2]
    assert reported.json["spec"]["replicas"] == 2
    assert reported.json["status"]["replicas"] == 1


# ---------------------------------------------------------------- patch


async def test_the_four_kinds_of_patch(api: Api) -> None:
    await api.create(MAPS, "a", data={"x": "1", "y": "2"})
    path = f"{MAPS}/a"
    merged = await api.patch(path, {"data": {"x": None, "z": "3"}})
    assert merged.json["data"] == {"y": "2", "z": "3"}
    operated = await api.patch(
        path, [{"op": "test", "path": "/data/y", "value": "2"}, {"op": "remove", "path": "/data/y"}], "json"
    )
    assert operated.json["data"] == {"z": "3"}
    strategic = await api.patch(path, {"metadata": {"finalizers": ["x.io/a"]}}, "strategic")
    strategic = await api.patch(path, {"metadata": {"finalizers": ["x.io/b"]}}, "strategic")
    assert strategic.json["metadata"]["finalizers"] == ["x.io/b", "x.io/a"]
    applied = await api.patch(
        f"{path}?fieldManager=me", {"kind": "ConfigMap", "apiVersion": "v1", "data": {"w": "4"}}, "apply"
    )
    assert applied.json["data"] == {"z": "3", "w": "4"}


async def test_containers_are_merged_by_name(api: Api) -> None:
    await api.post(DEPLOYMENTS, deployment("web"))
    containers = [{"name": "side", "image": "busybox"}, {"name": "c", "env": [{"name": "A", "value": "1"}]}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    changed = await api.patch(f"{DEPLOYMENTS}/web", patch, "strategic")
    found = changed.json["spec"]["template"]["spec"]["containers"]
    assert [(one["name"], one["image"]) for one in found] == [("side", "busybox"), ("c", "nginx:1")]


async def test_a_test_that_fails_changes_nothing(api: Api) -> None:
    await api.create(MAPS, "a", data={"x": "1"})
    operations = [{"op": "remove", "path": "/data/x"}, {"op": "test", "path": "/data/x", "value": "1"}]
    refused = await api.patch(f"{MAPS}/a", operations, "json")
    assert refused.code == 422
    assert (await api.get(f"{MAPS}/a")).json["data"] == {"x": "1"}


async def test_what_was_removed_from_a_patched_object_comes_back_where_it_must_be(api: Api) -> None:
    await api.create(MAPS, "a")
    operations = [{"op": "remove", "path": "/kind"}, {"op": "remove", "path": "/apiVersion"}]
    changed = await api.patch(f"{MAPS}/a", operations, "json")
    assert (changed.code, changed.json["kind"], changed.json["apiVersion"]) == (200, "ConfigMap", "v1")


@pytest.mark.parametrize(("body", "word"), [(b"5", "number"), (b'"x"', "string"), (b"[]", "array"), (b"true", "bool")])
async def test_an_apply_patch_is_an_object(api: Api, body: bytes, word: str) -> None:
    refused = await api.patch(f"{MAPS}/a?fieldManager=me", body, "apply")
    assert refused.code == 400
    assert refused.message == (
        "error decoding YAML: error unmarshaling JSON: while decoding JSON: "
        f"json: cannot unmarshal {word} into Go value of type map[string]interface {{}}"
    )


async def test_patches_race_without_losing_one(api: Api) -> None:
    await api.create(MAPS, "a")
    replies = await asyncio.gather(*(api.patch(f"{MAPS}/a", {"data": {f"k{n}": "x"}}) for n in range(20)))
    assert {reply.code for reply in replies} == {200}
    assert len((await api.get(f"{MAPS}/a")).json["data"]) == 20


async def test_a_patch_that_names_an_old_version_is_a_conflict(api: Api) -> None:
    made = await api.create(MAPS, "a")
    await api.patch(f"{MAPS}/a", {"data": {"x": "1"}})
    version = made["metadata"]["resourceVersion"]
    lost = await api.patch(f"{MAPS}/a", {"metadata": {"resourceVersion": version}, "data": {"x": "2"}})
    assert (lost.code, lost.reason) == (409, "Conflict")


# ---------------------------------------------------------------- who wrote what


async def test_managers_own_what_they_set_and_conflicts_name_them(api: Api) -> None:
    body = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"x": "1"}}
    made = await api.patch(f"{MAPS}/a?fieldManager=one", body, "apply")
    assert made.code == 201
    entry = made.json["metadata"]["managedFields"][0]
    assert (entry["manager"], entry["operation"]) == ("one", "Apply")
    assert entry["fieldsV1"] == {"f:data": {"f:x": {}}}
    body["data"] = {"x": "2"}
    lost = await api.patch(f"{MAPS}/a?fieldManager=two", body, "apply")
    assert (lost.code, lost.reason) == (409, "Conflict")
    assert lost.message == 'Apply failed with 1 conflict: conflict with "one": .data.x'
    assert lost.json["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.x"}
    ]
    forced = await api.patch(f"{MAPS}/a?fieldManager=two&force=true", body, "apply")
    assert forced.json["data"] == {"x": "2"}
    assert [entry["manager"] for entry in forced.json["metadata"]["managedFields"]] == ["two"]


async def test_what_an_applier_no_longer_sets_goes(api: Api) -> None:
    path = f"{MAPS}/a?fieldManager=one"
    body = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"x": "1", "y": "2"}}
    await api.patch(path, body, "apply")
    await api.patch(f"{MAPS}/a?fieldManager=other", {"data": {"z": "3"}})
    changed = await api.patch(path, {**body, "data": {"y": "2"}}, "apply")
    assert changed.json["data"] == {"y": "2", "z": "3"}


async def test_managers_are_named_by_the_user_agent_where_nobody_says(api: Api) -> None:
    made = await api.ask("POST", MAPS, {"metadata": {"name": "a"}, "data": {"x": "1"}})
    assert [entry["manager"] for entry in made.json["metadata"]["managedFields"]] == ["test"]


# ---------------------------------------------------------------- dry run


@pytest.mark.parametrize("verb", ["create", "update", "patch", "apply", "delete"])
async def test_a_dry_run_answers_as_if_and_stores_nothing(api: Api, verb: str) -> None:
    await api.create(MAPS, "a", data={"x": "1"})
    revision = api.store.revision
    path, change = f"{MAPS}/a?dryRun=All", {"data": {"x": "2"}}
    whole = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, **change}
    if verb == "create":
        reply = await api.post(f"{MAPS}?dryRun=All", {"metadata": {"name": "b"}, **change})
    elif verb == "update":
        reply = await api.put(path, whole)
    elif verb == "patch":
        reply = await api.patch(path, change)
    elif verb == "apply":
        reply = await api.patch(f"{path}&fieldManager=me&force=true", whole, "apply")
    else:
        reply = await api.delete(path)
    assert reply.code in (200, 201)
    if verb != "delete":
        assert reply.json["data"] == {"x": "2"}
    assert api.store.revision == revision
    assert (await api.get(MAPS)).names == ["a"]


async def test_a_dry_run_leaves_no_address_taken() -> None:
    service = {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}
    async with api_server("--service-cluster-ip-range=10.0.0.0/29") as api:
        for _ in range(20):
            assert (await api.post("/api/v1/namespaces/default/services?dryRun=All", service)).code == 201


async def test_other_words_for_a_dry_run_are_refused(api: Api) -> None:
    refused = await api.post(f"{MAPS}?dryRun=Some", {"metadata": {"name": "a"}})
    assert refused.code == 422
    assert 'dryRun: Unsupported value: ["Some"]: supported values: "All"' in refused.message


async def test_a_patch_that_makes_no_object_of_it_is_refused(api: Api) -> None:
    await api.create(MAPS, "a")
    refused = await api.patch(f"{MAPS}/a", [{"op": "replace", "path": "", "value": ["x"]}], "json")
    assert refused.code == 422
    assert 'patch: Invalid value: "[\\"x\\"]": couldn\'t get version/kind; json parse error: ' in refused.message
