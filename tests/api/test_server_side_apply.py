"""Does server-side apply merge, refuse and remove as the real server does?"""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from minikube_edu.api import managed_fields, schema
from minikube_edu.api.errors import ApiError, ApplyConflict, BadRequest, GenericError

Object = dict[str, Any]
NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z"
KUBECTL = "kubectl.kubernetes.io/last-applied-configuration"


def config_map(data: Object | None = None, **metadata: Any) -> Object:
    obj: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", **metadata}}
    return obj if data is None else {**obj, "data": data}


def deployment(spec: Object) -> Object:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}


def pods(*containers: Object, **more: Any) -> Object:
    return {"template": {"spec": {"containers": list(containers)}}, **more}


def apply(
    live: Object | None, patch: Object, manager: str, *, force: bool = False, now: str = NOW, **more: Any
) -> Object:
    """Applies, and stores what a server would."""
    version = patch.get("apiVersion") or "v1"
    type_name = "apps.v1.Deployment" if version == "apps/v1" else "core.v1.ConfigMap"
    kind = "Deployment" if version == "apps/v1" else "ConfigMap"
    merged = managed_fields.apply(
        live, patch, type_name=type_name, api_version=version, kind=kind, manager=manager, force=force, now=now, **more
    )
    stored = schema.decode(type_name, merged).object
    stored["metadata"].setdefault("uid", "u")
    return stored


def update(new: Object, old: Object | None, manager: str) -> Object:
    new = {**new, "metadata": {"uid": "u", **new["metadata"]}}
    managed_fields.update_managed(new, old, type_name="core.v1.ConfigMap", api_version="v1", manager=manager, now=NOW)
    return new


def owned(obj: Object) -> dict[str, Any]:
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"].get("managedFields", [])}


def test_does_the_first_apply_create_and_own_what_it_names() -> None:
    live = apply(None, config_map({"k": "v"}), "one")
    assert live["data"] == {"k": "v"}
    assert live["metadata"]["managedFields"] == [
        {
            "manager": "one", "operation": "Apply", "apiVersion": "v1", "time": NOW, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": {"f:k": {}}},
        }
    ]  # fmt: skip


def test_does_the_same_apply_again_change_nothing() -> None:
    live = apply(None, config_map({"k": "v"}), "one")
    assert apply(live, config_map({"k": "v"}), "one", now=LATER) == live


def test_is_what_an_applier_no_longer_names_removed() -> None:
    live = apply(None, config_map({"k": "v", "l": "w"}), "one")
    assert apply(live, config_map({"k": "v"}), "one")["data"] == {"k": "v"}


def test_is_a_field_that_another_applier_names_too_kept() -> None:
    live = apply(None, config_map({"k": "v", "l": "w"}), "one")
    live = apply(live, config_map({"k": "v"}), "two")
    assert "time" not in live["metadata"]["managedFields"][0]  # it changed nothing
    live = apply(live, config_map({}), "one")
    assert live["data"] == {"k": "v"}
    assert owned(live)["two"] == {"f:data": {"f:k": {}}}


def test_is_a_field_that_somebody_else_has_updated_kept() -> None:
    live = apply(None, config_map({"k": "v"}), "one")
    live = update(config_map({"k": "changed"}), live, "editor")
    assert owned(live) == {"editor": {"f:data": {"f:k": {}}}}
    assert apply(live, config_map({}), "one")["data"] == {"k": "changed"}


def test_is_another_value_a_conflict_until_forced() -> None:
    live = apply(None, config_map({"k": "v"}), "one")
    with pytest.raises(ApplyConflict) as refused:
        apply(live, config_map({"k": "w"}), "two")
    assert refused.value.message == 'Apply failed with 1 conflict: conflict with "one": .data.k'
    assert refused.value.status()["details"]["causes"] == [
        {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".data.k"}
    ]
    forced = apply(live, config_map({"k": "w"}), "two", force=True)
    assert forced["data"] == {"k": "w"}
    assert owned(forced) == {"two": {"f:data": {"f:k": {}}}}


def test_do_several_conflicts_name_each_manager_and_path() -> None:
    live = apply(None, deployment(pods({"name": "c", "image": "i"}, replicas=1)), "one")
    with pytest.raises(ApplyConflict) as refused:
        apply(live, deployment(pods({"name": "c", "image": "j"}, replicas=2)), "two")
    assert refused.value.message == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.replicas\n'
        '- .spec.template.spec.containers[name="c"].image'
    )


def test_does_a_conflict_with_an_update_tell_its_version_and_subresource() -> None:
    live = update(config_map({"k": "v"}), None, "editor")
    with pytest.raises(ApplyConflict, match=r'conflict with "editor" using v1: .data.k'):
        apply(live, config_map({"k": "w"}), "one")
    live["metadata"]["managedFields"][0]["subresource"] = "scale"
    with pytest.raises(ApplyConflict, match=r'conflict with "editor" with subresource "scale" using v1: .data.k'):
        apply(live, config_map({"k": "w"}), "one")


def test_do_items_of_a_list_come_and_go_with_their_applier() -> None:
    live = apply(None, deployment(pods({"name": "a", "image": "i"}, {"name": "b", "image": "i"})), "one")
    live = apply(live, deployment(pods({"name": "x", "image": "i"})), "two")
    live = apply(live, deployment(pods({"name": "b", "image": "i"})), "one")
    names = [container["name"] for container in live["spec"]["template"]["spec"]["containers"]]
    assert names == ["b", "x"]


def test_does_an_item_lose_only_what_was_its_appliers() -> None:
    env = [{"name": "A", "value": "1"}]
    live = apply(None, deployment(pods({"name": "c", "image": "i", "env": env})), "one")
    live = apply(live, deployment(pods({"name": "c", "env": [{"name": "Z", "value": "z"}]})), "two")
    live = apply(live, deployment(pods({"name": "c", "image": "i"})), "one")
    (container,) = live["spec"]["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "Z", "value": "z"}]
    live = apply(live, deployment({}), "one")
    (container,) = live["spec"]["template"]["spec"]["containers"]
    assert "image" not in container


def test_does_a_default_key_name_the_same_item() -> None:
    live = apply(None, deployment(pods({"name": "c", "ports": [{"containerPort": 80}]})), "one")
    patch = pods({"name": "c", "ports": [{"containerPort": 80, "protocol": "TCP", "name": "web"}]})
    live = apply(live, deployment(patch), "two")
    (container,) = live["spec"]["template"]["spec"]["containers"]
    assert container["ports"] == [{"containerPort": 80, "protocol": "TCP", "name": "web"}]


def test_do_objects_that_nobody_tracked_start_with_before_first_apply() -> None:
    live = config_map({"k": "v"}, uid="u")
    with pytest.raises(ApplyConflict, match=r'conflict with "before-first-apply" using v1: .data.k'):
        apply(live, config_map({"k": "w"}), "one")
    live = apply(live, config_map({"n": "w"}), "one")
    assert owned(live)["before-first-apply"] == {"f:data": {".": {}, "f:k": {}}}


def test_does_kubectl_take_over_what_it_applied_on_the_clients_side() -> None:
    last = orjson.dumps(config_map({"k": "v"})).decode()
    live = update(config_map({"k": "v"}, annotations={KUBECTL: last}), None, "kubectl-client-side-apply")
    with pytest.raises(ApplyConflict):
        apply(live, config_map({"k": "w"}), "somebody")
    migrated = apply(live, config_map({"k": "w"}), "kubectl")
    assert migrated["data"] == {"k": "w"}
    assert migrated["metadata"]["annotations"][KUBECTL] == (
        '{"apiVersion":"v1","data":{"k":"w"},"kind":"ConfigMap","metadata":{"name":"a"}}\n'
    )
    changed = update(config_map({"k": "other"}, annotations={KUBECTL: last}), live, "editor")
    with pytest.raises(ApplyConflict, match=r'conflict with "editor"'):
        apply(changed, config_map({"k": "w"}), "kubectl")


def test_is_a_field_that_the_request_cannot_change_not_owned() -> None:
    live = apply(None, deployment({"replicas": 1}) | {"status": {"replicas": 1}}, "one", reset=("status",))
    assert owned(live) == {"one": {"f:spec": {"f:replicas": {}}}}


def test_does_an_apply_that_names_nothing_own_nothing() -> None:
    assert "managedFields" not in apply(None, config_map(), "one")["metadata"]


@pytest.mark.parametrize(
    ("patch", "error", "message"),
    [
        ({"metadata": {"name": "a"}}, BadRequest, "invalid object type: /, Kind="),
        ({**config_map(), "kind": "Secret"}, BadRequest, "invalid object type: /v1, Kind=Secret"),
        (config_map(managedFields=[]), BadRequest, "metadata.managedFields must be nil"),
        (
            deployment({"replicas": "many"}), GenericError,
            "failed to create typed patch object (/d; apps/v1, Kind=Deployment): "
            ".spec.replicas: expected numeric (int or float), got string",
        ),
        (
            deployment(pods({"name": "c", "env": [{"name": "Z"}, {"name": "Z"}]})), GenericError,
            "failed to create typed patch object (/d; apps/v1, Kind=Deployment): "
            '.spec.template.spec.containers[name="c"].env: duplicate entries for key [name="Z"]',
        ),
        (
            config_map({"k": 1, "l": True}, namespace="n"), GenericError,
            "failed to create typed patch object (n/a; /v1, Kind=ConfigMap): errors:\n"
            "  .data.k: expected string, got &value.valueUnstructured{Value:1}\n"
            "  .data.l: expected string, got &value.valueUnstructured{Value:true}",
        ),
    ],
)  # fmt: skip
def test_is_a_patch_that_makes_no_sense_refused_in_the_real_words(
    patch: Object, error: type[ApiError], message: str
) -> None:
    with pytest.raises(error) as refused:
        apply(None, patch, "one")
    assert refused.value.message == message


def test_are_live_object_and_patch_left_alone() -> None:
    live = apply(None, config_map({"k": "v", "l": "w"}), "one")
    patch = config_map({"k": "x"}, labels={"a": "b"})
    before = orjson.dumps([live, patch])
    apply(live, patch, "two", force=True)
    apply(live, patch, "one")
    assert orjson.dumps([live, patch]) == before


def test_is_an_object_without_a_schema_merged_by_its_maps() -> None:
    def widget(**spec: Any) -> Object:
        return {"apiVersion": "e.io/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}

    def put(live: Object | None, patch: Object, manager: str) -> Object:
        return managed_fields.apply(
            live, patch, type_name=None, api_version="e.io/v1", manager=manager, now=NOW, type_at=lambda _: None
        )

    live = put(None, widget(a={"x": 1}, items=[1, 2]), "one")
    assert owned(live)["one"] == {"f:spec": {".": {}, "f:a": {".": {}, "f:x": {}}, "f:items": {}}}
    live = put(live, widget(a={"y": 2}), "two")
    live = put(live, widget(items=[3]), "one")
    assert live["spec"] == {"a": {"y": 2}, "items": [3]}


def test_is_what_was_applied_in_another_version_removed_in_this_one() -> None:
    def hpa(version: str, **spec: Any) -> Object:
        kind = "HorizontalPodAutoscaler"
        return {"apiVersion": f"autoscaling/{version}", "kind": kind, "metadata": {"name": "h"}, "spec": spec}

    def to_version(obj: Object, version: str) -> Object:
        old, new = ("cpu", "metric") if version.endswith("v2") else ("metric", "cpu")
        spec = {new if name == old else name: value for name, value in obj.get("spec", {}).items()}
        return {**obj, "apiVersion": version, "spec": spec}

    def put(live: Object | None, patch: Object) -> Object:
        return managed_fields.apply(
            live, patch, type_name=None, api_version=patch["apiVersion"], manager="one", now=NOW,
            to_version=to_version, type_at=lambda _: None,
        )  # fmt: skip

    live = put(None, hpa("v1", cpu=80, maxReplicas=2))
    live = put(to_version(live, "autoscaling/v2"), hpa("v2", maxReplicas=2))
    assert live["spec"] == {"maxReplicas": 2}
    (entry,) = live["metadata"]["managedFields"]
    assert (entry["apiVersion"], entry["fieldsV1"]) == (
        "autoscaling/v2", {"f:spec": {".": {}, "f:maxReplicas": {}}},
    )  # fmt: skip
