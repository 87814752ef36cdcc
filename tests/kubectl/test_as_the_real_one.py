"""Words, exit codes and requests in which kubectl differed from the real one when both were given the same commands."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from minikube_edu.client.discovery import legacy_resources
from minikube_edu.kubectl import decoding, detaching, discovery_cache
from minikube_edu.kubectl.failures import CommandError
from tests.kubectl.test_against_server import MAP, Typed, kubectl

__all__ = ["kubectl"]  # the fixture

A = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
B = A.replace("name: a", "name: b")
POD = """apiVersion: v1
kind: Pod
metadata: {name: p, annotations: {k: v}}
spec: {containers: [{name: c, image: nginx}]}
"""


# ---------------------------------------------------------------- apply --applyset


@pytest.fixture
def applysets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECTL_APPLYSET", "true")


async def test_is_there_no_applyset_before_it_is_switched_on(kubectl: Typed) -> None:
    _, err, code = await kubectl("apply", "-f", "-", "--prune", "--applyset=set", stdin=A)
    assert (err, code) == ("error: unknown flag: --applyset\nSee 'kubectl apply --help' for usage.\n", 1)


async def test_does_an_applyset_prune_what_left_the_files(kubectl: Typed, applysets: None) -> None:
    apply = ("apply", "-n", "default", "--prune", "--applyset=set", "-f", "-")
    assert (await kubectl(*apply, stdin=f"{A}---\n{B}"))[0] == "configmap/a created\nconfigmap/b created\n"
    out, err, code = await kubectl(*apply, stdin=A)
    assert (out, err, code) == ("configmap/a unchanged\nconfigmap/b pruned\n", "", 0)
    kinds = r"{.metadata.annotations.applyset\.kubernetes\.io/contains-group-kinds}"
    assert (await kubectl("get", "secret", "set", "-o", f"jsonpath={kinds}"))[0] == "ConfigMap"
    member = (await kubectl("get", "cm", "a", "-o", r"jsonpath={.metadata.labels.applyset\.kubernetes\.io/part-of}"))[0]
    assert member.startswith("applyset-")
    assert member.endswith("-v1")


async def test_is_a_parent_of_another_tool_or_kind_refused(kubectl: Typed, applysets: None) -> None:
    apply = ("apply", "--prune", "-f", "-")
    _, err, _ = await kubectl(*apply, "--applyset=set", stdin=A)
    assert err == "error: namespace is required to use namespace-scoped ApplySet\n"
    _, err, _ = await kubectl(*apply, "-n", "default", "--applyset=pods/x", stdin=A)
    assert err == 'error: resource "/v1, Resource=pods" is not permitted as an ApplySet parent\n'
    await kubectl("create", "secret", "generic", "helms")
    await kubectl("annotate", "secret", "helms", "applyset.kubernetes.io/tooling=helm/v3")
    _, err, _ = await kubectl(*apply, "-n", "default", "--applyset=helms", stdin=A)
    assert 'already exists and is managed by tooling "helm" instead of "kubectl"' in err


# ---------------------------------------------------------------- what is known of the server


async def test_is_what_the_server_serves_kept_and_asked_for_anew_when_a_name_is_unknown(
    kubectl: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECACHEDIR", str(tmp_path / "cache"))
    fresh = (await kubectl("api-resources"))[0]
    (folder,) = (tmp_path / "cache" / "discovery").iterdir()
    groups = folder / "servergroups.json"
    assert groups.exists()
    assert (folder / "apps/v1/serverresources.json").exists()
    assert (await kubectl("api-resources", "--cached"))[0] == fresh

    (folder / "v1/serverresources.json").write_text('{"resources": []}')  # from a time without config maps
    assert (await kubectl("get", "cm", "-o", "name"))[2] == 0
    assert "configmaps" in (folder / "v1/serverresources.json").read_text()

    old = groups.stat().st_mtime - discovery_cache.KEPT - 1
    os.utime(groups, (old, old))
    cache = discovery_cache.DiscoveryCache(str(tmp_path / "cache"), "http://" + folder.name.replace("_", ":"))
    assert cache.read() is None, "too old"


def test_are_subresources_found_beside_what_they_belong_to() -> None:
    entries = [
        {"name": "pods", "kind": "Pod", "namespaced": True, "verbs": ["get"]},
        {"name": "pods/log", "kind": "Pod", "namespaced": True, "verbs": ["get"]},
    ]
    (pods,) = legacy_resources("", "v1", entries, True)
    assert pods.subresources == ("log",)


# ---------------------------------------------------------------- debug


async def test_does_a_profile_say_what_the_debugger_may_do(kubectl: Typed) -> None:
    await kubectl("create", "serviceaccount", "default")
    await kubectl("create", "-f", "-", stdin=POD)
    wanted = {
        "general": '{"capabilities":{"add":["SYS_PTRACE"]}}',
        "netadmin": '{"capabilities":{"add":["NET_ADMIN","NET_RAW"]}}',
        "sysadmin": '{"privileged":true}',
        "baseline": "",
    }
    for profile in wanted:
        debug = ("debug", "p", "--image=busybox", f"--profile={profile}", "-c", profile)
        assert await kubectl(*debug) == ("", "", 0)
    names = "jsonpath={.spec.ephemeralContainers[*].name}"
    assert (await kubectl("get", "pod", "p", "-o", names))[0] == " ".join(wanted), "in the order in which they came"
    for profile, text in wanted.items():
        path = f'jsonpath={{.spec.ephemeralContainers[?(@.name=="{profile}")].securityContext}}'
        assert (await kubectl("get", "pod", "p", "-o", path))[0] == text


async def test_does_a_copy_keep_only_what_it_is_told_to(kubectl: Typed) -> None:
    await kubectl("create", "serviceaccount", "default")
    await kubectl("create", "-f", "-", stdin=POD)
    assert (await kubectl("debug", "p", "--copy-to=q", "--image=busybox", "-c", "d"))[2] == 0
    out, _, _ = await kubectl("get", "pod", "q", "-o", "jsonpath={.metadata.annotations}|{.spec.shareProcessNamespace}")
    assert out == "|true"
    _, err, code = await kubectl("debug", "p", "--image=busybox", "--replace")
    assert (err, code) == ("error: --replace may only be used with --copy-to.\n", 1)


# ---------------------------------------------------------------- keys, files, output


def test_do_the_keys_that_detach_reach_nobody_and_their_beginnings_everybody() -> None:
    watch = detaching.Watch(detaching.keys("ctrl-p,ctrl-q"))
    assert watch.passed(b"ls\x10") == b"ls"
    assert watch.passed(b"a\x10") == b"\x10a"
    assert watch.passed(b"\x10x") == b"\x10\x10x"
    assert watch.passed(b"\x10\x11more") == b""
    assert watch.seen
    with pytest.raises(CommandError, match="Unknown character: 'ctrl-1'"):
        detaching.keys("ctrl-1")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("text", "json: cannot unmarshal string into Go value of type unstructured.detector"),
        (
            {"kind": "A", "metadata": {"name": True}},
            "bool into Go struct field ObjectMeta.metadata.name of",
        ),
        (
            {"kind": "A", "metadata": {"labels": {"a": 1}}},
            "number into Go struct field ObjectMeta.metadata.labels",
        ),
        ({"kind": "A", "metadata": {"creationTimestamp": "x"}}, 'parsing time "x" as'),
    ],
)
def test_are_metadata_decoded_before_they_are_sent(value: object, why: str) -> None:
    with pytest.raises(CommandError) as caught:
        decoding.check(value, "x.yaml")
    assert str(caught.value).startswith('unable to decode "x.yaml": ')
    assert why in str(caught.value)


async def test_do_unknown_fields_come_in_the_order_of_their_names(kubectl: Typed) -> None:
    wrong = POD.replace("image: nginx", "image: nginx, nope: 1").replace("}]}\n", "}], bogus: 2}\n")
    _, err, _ = await kubectl("create", "-f", "-", stdin=wrong)
    assert err.endswith('unknown field "spec.bogus", unknown field "spec.containers[0].nope"\n')


async def test_is_a_missing_object_replaced_by_a_put_that_the_server_judges(kubectl: Typed) -> None:
    _, err, _ = await kubectl("replace", "-f", "-", stdin=MAP)
    assert 'configmaps "settings" not found' in err


async def test_does_a_failing_template_leave_what_it_printed(kubectl: Typed) -> None:
    await kubectl("apply", "-f", "-", stdin=MAP)
    out, err, code = await kubectl("get", "cm", "settings", "-o", "go-template=before{{len 3}}")
    assert out.startswith("beforeError executing template: template: output:1:")
    assert code == 1
    assert err.startswith('error: error executing template "before{{len 3}}"')
    out, err, code = await kubectl("get", "cm", "settings", "-o", "custom-columns=A:.data[")
    assert (out, err, code) == ("A\n", "error: unterminated array\n", 1)


async def test_is_a_range_without_end_walked_once_more(kubectl: Typed) -> None:
    await kubectl("apply", "-f", "-", stdin=MAP)
    assert (await kubectl("get", "cm", "settings", "-o", "jsonpath={range .data.*}x"))[0] == "xxx"


async def test_are_raw_paths_paths(kubectl: Typed) -> None:
    assert (await kubectl("get", "--raw", "nope"))[1].endswith('parse "nope": invalid URI for request\n')
    assert (await kubectl("get", "--raw", "/version", "pods"))[1].startswith("error: arguments may not be passed")


async def test_does_an_unsortable_field_end_the_command(kubectl: Typed) -> None:
    await kubectl("apply", "-f", "-", stdin=f"{A}---\n{B}")
    _, err, code = await kubectl("get", "cm", "--sort-by=.metadata", "-o", "name")
    assert code == 1
    assert "is an unsortable type: interface, err: unsortable type: map[string]interface {}" in err


async def test_are_flags_before_an_unknown_word_a_plugins_business(kubectl: Typed) -> None:
    _, err, code = await kubectl("pods")
    assert err.startswith("Error: flags cannot be placed before plugin name: --server=")
    assert code == 1


async def test_are_a_jobs_labels_judged_once_though_it_and_its_template_have_them(kubectl: Typed) -> None:
    _, err, _ = await kubectl("create", "job", "one/two", "--image=busybox")
    assert "spec.template.labels: Invalid value" in err
    assert "metadata.labels" not in err
    await kubectl("create", "job", "one", "--image=busybox")
    out, _, _ = await kubectl("get", "job", "one", "-o", "jsonpath={.metadata.labels.job-name}")
    assert out == "one"
