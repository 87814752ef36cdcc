"""Does managedFields tell who set what, as the real server has it?"""

from __future__ import annotations

from typing import Any

import pytest

from minikube_edu.api import fieldset, managed_fields, schema
from minikube_edu.api.managed_entries import MAX_UPDATERS

Object = dict[str, Any]
NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z"


def config_map(data: Object | None = None, **metadata: Any) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", **metadata}, "data": data or {}}


def write(
    new: Object, old: Object | None = None, manager: str = "m", now: str = NOW, type_name: Any = "core.v1.ConfigMap",
    **more: Any,
) -> Object:  # fmt: skip
    """Creates or updates, and stores what a server would."""
    new = {**new, "metadata": dict(new["metadata"])}
    version = new["apiVersion"]
    managed_fields.update_managed(new, old, type_name=type_name, api_version=version, manager=manager, now=now, **more)
    new["metadata"].setdefault("uid", "u")
    return new


def entries(obj: Object) -> list[Object]:
    return list(obj["metadata"].get("managedFields", []))


def fields_of(obj: Object, manager: str) -> Object:
    (found,) = [entry["fieldsV1"] for entry in entries(obj) if entry["manager"] == manager]
    return dict(found)


def test_does_the_creator_own_all_that_it_sent_and_nothing_of_what_names_the_object() -> None:
    created = write(config_map({"k": "v"}, namespace="n", generation=1, labels={"x": "y"}, finalizers=["e.io/f"]))
    assert entries(created) == [
        {
            "manager": "m",
            "operation": "Update",
            "apiVersion": "v1",
            "time": NOW,
            "fieldsType": "FieldsV1",
            "fieldsV1": {
                "f:data": {".": {}, "f:k": {}},
                "f:metadata": {
                    "f:finalizers": {".": {}, 'v:"e.io/f"': {}},
                    "f:labels": {".": {}, "f:x": {}},
                },
            },
        }
    ]


def test_are_fields_that_the_encoder_always_writes_owned_only_when_set() -> None:
    sent = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    pod = schema.decode("core.v1.Pod", sent).object
    owned = fields_of(write(pod, type_name="core.v1.Pod"), "m")
    item: Object = {".": {}, "f:image": {}, "f:name": {}, "f:resources": {}}
    assert owned == {"f:spec": {"f:containers": {'k:{"name":"c"}': item}}}


def test_does_an_update_take_what_it_changes_from_whoever_had_it() -> None:
    created = write(config_map({"k": "v"}, labels={"x": "y"}), manager="creator")
    updated = write(config_map({"k": "w", "n": "w"}), created, "putter", LATER)
    assert fields_of(updated, "creator") == {"f:data": {}}
    assert fields_of(updated, "putter") == {"f:data": {"f:k": {}, "f:n": {}}}
    assert [entry["time"] for entry in entries(updated)] == [NOW, LATER]


def test_does_an_update_that_changes_nothing_leave_the_entries_and_their_times() -> None:
    created = write(config_map({"k": "v"}))
    assert entries(write(config_map({"k": "v"}), created, "other", LATER)) == entries(created)


def test_are_updates_of_one_manager_one_entry() -> None:
    created = write(config_map({"k": "v"}))
    updated = write(config_map({"k": "v", "n": "w"}), created, now=LATER)
    assert [(entry["manager"], entry["time"]) for entry in entries(updated)] == [("m", LATER)]
    assert fields_of(updated, "m") == {"f:data": {".": {}, "f:k": {}, "f:n": {}}}


def test_is_a_subresource_an_owner_of_its_own_and_bound_to_what_it_may_change() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": "n"}}
    created = write(pod, type_name="core.v1.Pod", reset=("status",))
    changed = {**created, "spec": {"nodeName": "other"}, "status": {"phase": "Running"}}
    updated = write(changed, created, type_name="core.v1.Pod", subresource="status", reset=("spec",))
    status = [entry for entry in entries(updated) if entry.get("subresource") == "status"]
    assert [entry["fieldsV1"] for entry in status] == [{"f:status": {".": {}, "f:phase": {}}}]
    assert len(entries(updated)) == 2


def test_does_only_keep_the_named_fields() -> None:
    def pod(**container: Any) -> Object:
        spec = {"nodeName": container.pop("node", ""), "containers": [{"name": "c", **container}]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}

    created = write(pod(image="i"), type_name="core.v1.Pod")
    limits = {"limits": {"cpu": "1"}}
    only = ("spec.containers.*.resources",)
    updated = write(
        pod(image="j", node="n", resources=limits), created, "sizer", type_name="core.v1.Pod", subresource="resize",
        only=only,
    )  # fmt: skip
    owned = set(map(fieldset.path_text, fieldset.paths(fields_of(updated, "sizer"))))
    assert owned == {'.spec.containers[name="c"].resources' + rest for rest in ("", ".limits", ".limits.cpu")}


@pytest.mark.parametrize("sent", [[], [{}]])
def test_do_empty_entries_forget_all_owners_for_good(sent: list[Object]) -> None:
    created = write(config_map({"k": "v"}))
    cleared = write(config_map({"k": "w"}, managedFields=sent), created)
    assert entries(cleared) == []
    assert entries(write(config_map({"k": "x"}), cleared)) == []


def test_are_entries_of_the_request_taken_when_they_are_good_and_ignored_when_not() -> None:
    created = write(config_map({"k": "v"}))
    given = {
        "manager": "x", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:k": {}}},
    }  # fmt: skip
    taken = write(config_map({"k": "v"}, managedFields=[given]), created)
    assert entries(taken) == [given]
    mistakes: list[Object] = [
        {"operation": "Nope"}, {"fieldsType": "FieldsV9"}, {"fieldsType": ""}, {"apiVersion": ""},
        {"fieldsV1": {"k:{": {}}},
    ]  # fmt: skip
    for wrong in mistakes:
        kept = write(config_map({"k": "v"}, managedFields=[given | wrong]), created)
        assert entries(kept) == entries(created)
        assert managed_fields.validate([given | wrong])
    assert managed_fields.validate([given]) is None


def test_are_entries_in_order_appliers_first_then_by_time() -> None:
    obj = write(config_map({"a": "1"}), manager="z", now=NOW)
    obj = write(config_map({"a": "1", "b": "1"}), obj, "a", LATER)
    obj = write(config_map({"a": "1", "b": "1", "c": "1"}), obj, "b", NOW)
    patch = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"d": "1"}}
    obj = managed_fields.apply(obj, patch, type_name="core.v1.ConfigMap", api_version="v1", manager="q", now=LATER)
    assert [entry["manager"] for entry in entries(obj)] == ["q", "b", "z", "a"]


def test_do_the_oldest_of_too_many_updates_become_ancient_changes() -> None:
    obj: Object | None = None
    data: Object = {}
    for number in range(MAX_UPDATERS + 3):
        data = {**data, f"k{number:02}": "v"}
        obj = write(config_map(data), obj, f"m{number:02}", f"2026-01-01T00:00:{number:02}Z")
    assert obj is not None
    names = [entry["manager"] for entry in entries(obj)]
    assert len(names) == MAX_UPDATERS
    assert names[0] == "ancient-changes"
    assert set(fields_of(obj, "ancient-changes")["f:data"]) == {".", "f:k00", "f:k01", "f:k02", "f:k03"}
    assert entries(obj)[0]["time"] == "2026-01-01T00:00:03Z"


def test_is_an_object_that_cannot_be_divided_left_without_new_entries() -> None:
    role = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"ports": [5]}}
    assert entries(write(role, type_name="core.v1.Service")) == []


def test_is_a_change_seen_in_the_version_of_each_entry() -> None:
    def hpa(version: str, **spec: Any) -> Object:
        return {"apiVersion": version, "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}, "spec": spec}

    def to_version(obj: Object, version: str) -> Object:
        return {**obj, "apiVersion": version}

    one, two = "autoscaling/v1", "autoscaling/v2"
    name = "autoscaling.{}.HorizontalPodAutoscaler"
    created = write(hpa(one, minReplicas=1, maxReplicas=2), type_name=name.format("v1"))
    created = {**created, "apiVersion": two}
    updated = write(
        hpa(two, minReplicas=1, maxReplicas=5), created, "other", type_name=name.format("v2"), to_version=to_version
    )
    assert [entry["apiVersion"] for entry in entries(updated)] == [one, two]
    assert fields_of(updated, "m") == {"f:spec": {"f:minReplicas": {}}}
    assert fields_of(updated, "other") == {"f:spec": {"f:maxReplicas": {}}}


def test_is_an_entry_of_a_version_that_is_gone_dropped() -> None:
    created = write(config_map({"k": "v"}))
    created["metadata"]["managedFields"] = [{**entries(created)[0], "apiVersion": "v0"}]
    assert [entry["manager"] for entry in entries(write(config_map({"k": "w"}), created, "n"))] == ["n"]


def test_do_times_go_back_when_nothing_else_changed() -> None:
    created = write(config_map({"k": "v"}))
    same = write(config_map({"k": "v"}), None, now=LATER)
    managed_fields.keep_times(same, created)
    assert entries(same)[0]["time"] == NOW
    other = write(config_map({"k": "w"}), None, now=LATER)
    managed_fields.keep_times(other, created)
    assert entries(other)[0]["time"] == LATER


@pytest.mark.parametrize(
    ("field_manager", "agent", "name"),
    [
        ("me", "kubectl/v1.36 (linux)", "me"),
        ("", "kubectl/v1.36 (linux)", "kubectl"),
        ("", "my tool\n/x", "my tool"),
        ("", "", ""),
        ("", "a" * 200, "a" * 128),
        ("", "é" * 100, "é" * 64),
    ],
)
def test_is_the_manager_named_by_the_parameter_or_the_user_agent(field_manager: str, agent: str, name: str) -> None:
    assert managed_fields.manager_name(field_manager, agent) == name


def test_does_a_scale_show_the_owners_of_replicas_alone_and_give_them_back() -> None:
    def deployment(**spec: Any) -> Object:
        return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}

    created = write(deployment(replicas=1, paused=True), type_name="apps.v1.Deployment")
    replicas = {"apps/v1": "spec.replicas"}
    scale_entries = managed_fields.to_scale(entries(created), replicas)
    assert [(entry["apiVersion"], entry["fieldsV1"]) for entry in scale_entries] == [
        ("autoscaling/v1", {"f:spec": {"f:replicas": {}}})
    ]

    def scale(count: int, given: list[Object]) -> Object:
        metadata = {"name": "d", "uid": "u", "managedFields": given}
        return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": metadata, "spec": {"replicas": count}}

    written = write(
        scale(3, scale_entries), scale(1, scale_entries), "hand", type_name="autoscaling.v1.Scale", subresource="scale"
    )
    after = managed_fields.from_scale(entries(created), entries(written), "apps/v1", replicas)
    assert [(entry["manager"], entry.get("subresource"), entry["fieldsV1"]) for entry in after] == [
        ("hand", "scale", {"f:spec": {"f:replicas": {}}}),
        ("m", None, {"f:spec": {"f:paused": {}}}),
    ]


def test_does_whoever_claims_a_part_of_what_is_atomic_own_it_all() -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"tolerations": [{"key": "a"}]}}
    created = write(pod, type_name="core.v1.Pod")
    claim = {
        "manager": "x", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:tolerations": {"i:0": {}}}},
    }  # fmt: skip
    claimed = write({**pod, "metadata": {"name": "p", "managedFields": [claim]}}, created, type_name="core.v1.Pod")
    assert fields_of(claimed, "x") == {"f:spec": {"f:tolerations": {}}}
