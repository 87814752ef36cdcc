"""Who may do what: RBAC, no escalation, nodes, impersonation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.kube_apiserver.authz.chain import Attributes
from minikube_edu.kube_apiserver.authz.rules import CompiledRules, covers, parts_of, uncovered
from minikube_edu.kube_apiserver.context import User
from tests.in_process import Api, Reply, api_server

Object = dict[str, Any]
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ROLES, BINDINGS = f"{RBAC}/namespaces/default/roles", f"{RBAC}/namespaces/default/rolebindings"
MAPS, PODS = "/api/v1/namespaces/default/configmaps", "/api/v1/namespaces/default/pods"
SECRETS = "/api/v1/namespaces/default/secrets"
GROUP = "rbac.authorization.k8s.io"
JO = User("jo", groups=("system:authenticated",))
NODE = User("system:node:n1", groups=("system:nodes", "system:authenticated"))


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with api_server(
        "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
        "--disable-admission-plugins=ServiceAccount",
    ) as running:  # fmt: skip
        yield running


async def grant(api: Api, name: str, *rules: Object, user: str = "jo") -> None:
    await api.create(ROLES, name, rules=list(rules))
    subject = {"kind": "User", "name": user, "apiGroup": GROUP}
    await api.create(BINDINGS, name, roleRef={"apiGroup": GROUP, "kind": "Role", "name": name}, subjects=[subject])


def rule(*verbs: str, of: str = "configmaps", group: str = "", names: tuple[str, ...] = ()) -> Object:
    made: Object = {"apiGroups": [group], "resources": [of], "verbs": list(verbs)}
    if names:
        made["resourceNames"] = list(names)
    return made


async def as_jo(api: Api, method: str, path: str, body: Any = None) -> Reply:
    return await api.ask(method, path, body, user=api.caller(JO))


async def test_is_what_nobody_allowed_forbidden_and_said_in_the_real_words(api: Api) -> None:
    reply = await as_jo(api, "GET", MAPS)
    assert reply.code == 403
    assert reply.message == (
        'configmaps is forbidden: User "jo" cannot list resource "configmaps" in API group "" in the namespace '
        '"default"'
    )


async def test_does_a_right_count_at_once_and_end_at_once(api: Api) -> None:
    caller = api.caller(JO)
    assert (await api.get(MAPS, user=caller)).code == 403
    await grant(api, "r", rule("list"))
    assert (await api.get(MAPS, user=caller)).code == 200
    await api.patch(f"{ROLES}/r", {"rules": [rule("get")]})
    assert (await api.get(MAPS, user=caller)).code == 403
    await api.patch(f"{ROLES}/r", {"rules": [rule("*")]})
    assert (await api.get(MAPS, user=caller)).code == 200
    await api.delete(f"{BINDINGS}/r")
    assert (await api.get(MAPS, user=caller)).code == 403


async def test_may_who_sees_one_object_list_it_alone(api: Api) -> None:
    await grant(api, "r", rule("get", "list", names=("a",)))
    assert (await as_jo(api, "GET", f"{MAPS}?fieldSelector=metadata.name%3Da")).code == 200
    assert (await as_jo(api, "GET", MAPS)).code == 403
    assert (await as_jo(api, "GET", f"{MAPS}/b")).code == 403


async def test_does_a_refusal_tell_of_a_role_that_is_missing(api: Api) -> None:
    reference = {"apiGroup": GROUP, "kind": "Role", "name": "ghost"}
    await api.create(BINDINGS, "b", roleRef=reference, subjects=[{"kind": "User", "name": "jo", "apiGroup": GROUP}])
    assert (await as_jo(api, "GET", MAPS)).message.endswith(': RBAC: role.rbac.authorization.k8s.io "ghost" not found')


async def test_can_nobody_give_what_he_does_not_hold(api: Api) -> None:
    await grant(api, "writer", rule("create", "update", "patch", of="roles", group=GROUP), rule("get", "list"))
    small = {"metadata": {"name": "small"}, "rules": [rule("get")]}
    assert (await as_jo(api, "POST", ROLES, small)).code == 201
    large = {"metadata": {"name": "large"}, "rules": [rule("get", "delete"), rule("get", of="secrets")]}
    reply = await as_jo(api, "POST", ROLES, large)
    assert reply.code == 403
    assert reply.message.endswith(
        "is attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["configmaps"], Verbs:["delete"]}\n'
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'
    )
    changed = await api.ask(
        "PATCH", f"{ROLES}/small", {"rules": [rule("*", of="*")]}, patch="merge", user=api.caller(JO)
    )
    assert changed.code == 403
    relabelled = await api.ask(
        "PATCH", f"{ROLES}/writer", {"metadata": {"labels": {"a": "b"}}}, patch="merge", user=api.caller(JO)
    )
    assert relabelled.code == 200  # its rules stay as they are


async def test_must_one_hold_a_role_or_the_right_to_bind_it(api: Api) -> None:
    await grant(api, "binder", rule("create", of="rolebindings", group=GROUP))
    subjects = [{"kind": "User", "name": "jo", "apiGroup": GROUP}]
    reference = {"apiGroup": GROUP, "kind": "ClusterRole", "name": "view"}
    body = {"metadata": {"name": "mine"}, "roleRef": reference, "subjects": subjects}
    assert (await as_jo(api, "POST", BINDINGS, body)).code == 403
    await grant(api, "bind", rule("bind", of="clusterroles", group=GROUP, names=("view",)))
    assert (await as_jo(api, "POST", BINDINGS, body)).code == 201


async def test_does_a_node_read_only_what_its_pods_need(api: Api) -> None:
    node = api.caller(NODE)
    for name in ("used", "unused"):
        await api.create(SECRETS, name)
    assert (await api.get(f"{SECRETS}/used", user=node)).code == 403
    volumes = [{"name": "v", "secret": {"secretName": "used"}}]
    spec: Object = {"containers": [{"name": "c", "image": "i"}], "volumes": volumes}
    await api.create(PODS, "p", spec={**spec, "nodeName": "n1"})
    assert (await api.get(f"{SECRETS}/used", user=node)).code == 200
    assert (await api.get(f"{SECRETS}/unused", user=node)).code == 403
    elsewhere = api.caller(User("system:node:n2", groups=NODE.groups))
    assert (await api.get(f"{SECRETS}/used", user=elsewhere)).code == 403
    await api.delete(f"{PODS}/p?gracePeriodSeconds=0")
    reply = await api.get(f"{SECRETS}/used", user=node)
    assert reply.message.endswith("no relationship found between node 'n1' and this object")


async def test_does_a_node_reach_the_secret_of_a_volume_through_its_claim(api: Api) -> None:
    await api.create(SECRETS, "ceph")
    volume = {
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"],
        "claimRef": {"namespace": "default", "name": "claim"},
        "rbd": {"monitors": ["m"], "image": "i", "secretRef": {"name": "ceph", "namespace": "default"}},
    }  # fmt: skip
    await api.create("/api/v1/persistentvolumes", "pv", spec=volume)
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "claim"}}]
    spec = {"nodeName": "n1", "containers": [{"name": "c", "image": "i"}], "volumes": volumes}
    node = api.caller(NODE)
    assert (await api.get(f"{SECRETS}/ceph", user=node)).code == 403
    await api.create(PODS, "p", spec=spec)
    assert (await api.get(f"{SECRETS}/ceph", user=node)).code == 200
    assert (await api.get("/api/v1/persistentvolumes/pv", user=node)).code == 200


async def test_does_a_node_write_only_about_itself(api: Api) -> None:
    node = api.caller(NODE)
    assert (await api.post("/api/v1/nodes", {"metadata": {"name": "n2"}}, user=node)).code == 403
    assert (await api.post("/api/v1/nodes", {"metadata": {"name": "n1"}}, user=node)).code == 201
    role = {"metadata": {"labels": {"node-role.kubernetes.io/control-plane": ""}}}
    reply = await api.patch("/api/v1/nodes/n1", role, user=node)
    assert reply.message.endswith("is not allowed to modify labels: node-role.kubernetes.io/control-plane")
    zone = {"metadata": {"labels": {"topology.kubernetes.io/zone": "z"}}}
    assert (await api.patch("/api/v1/nodes/n1", zone, user=node)).code == 200


IMPERSONATE = "impersonate"


async def test_does_the_old_verb_still_impersonate(api: Api) -> None:
    await api.create(f"{RBAC}/clusterroles", "imp", rules=[rule(IMPERSONATE, of="users", names=("boss",))])
    await api.create(
        f"{RBAC}/clusterrolebindings", "imp", roleRef={"apiGroup": GROUP, "kind": "ClusterRole", "name": "imp"},
        subjects=[{"kind": "User", "name": "jo", "apiGroup": GROUP}],
    )  # fmt: skip
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    reply = await api.post(path, {}, headers={"Impersonate-User": "boss"}, user=api.caller(JO))
    assert reply.json["status"]["userInfo"]["username"] == "boss"
    assert (await api.post(path, {}, headers={"Impersonate-User": "root"}, user=api.caller(JO))).code == 403


async def test_is_impersonation_by_mode_limited_to_what_is_done(api: Api) -> None:
    authentication = "authentication.k8s.io"
    rules = [
        rule("impersonate:user-info", of="users", group=authentication, names=("boss",)),
        rule("impersonate-on:user-info:list"),
    ]
    await api.create(f"{RBAC}/clusterroles", "imp", rules=rules)
    await api.create(
        f"{RBAC}/clusterrolebindings", "imp", roleRef={"apiGroup": GROUP, "kind": "ClusterRole", "name": "imp"},
        subjects=[{"kind": "User", "name": "jo", "apiGroup": GROUP}],
    )  # fmt: skip
    await grant(api, "boss", rule("*"), user="boss")
    boss = {"Impersonate-User": "boss"}
    assert (await api.get(MAPS, headers=boss, user=api.caller(JO))).code == 200
    reply = await api.get(f"{MAPS}/a", headers=boss, user=api.caller(JO))
    assert reply.code == 403
    assert 'User "jo" cannot impersonate-on:user-info:get resource "configmaps"' in reply.message


async def test_does_a_review_answer_as_the_authorizer_would(api: Api) -> None:
    await grant(api, "r", rule("list"))
    spec = {"user": "jo", "resourceAttributes": {"namespace": "default", "resource": "configmaps", "verb": "list"}}
    reviews = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    status = (await api.post(reviews, {"spec": spec})).json["status"]
    assert status == {
        "allowed": True,
        "reason": 'RBAC: allowed by RoleBinding "r/default" of Role "r" to User "jo"',
    }
    spec["resourceAttributes"] = {"namespace": "default", "resource": "secrets", "verb": "list"}
    assert (await api.post(reviews, {"spec": spec})).json["status"] == {"allowed": False}


SIGNING = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"


def request_for(name: str, *groups: str) -> str:
    from base64 import b64encode

    from minikube_edu.lib import pki

    return b64encode(pki.make_request(pki.make_key(), name, groups)).decode()


async def test_must_one_be_let_to_approve_for_a_signer(api: Api) -> None:
    spec = {"signerName": "example.com/internal", "usages": ["client auth"], "request": request_for("x")}
    await api.create(SIGNING, "r", spec=spec)
    approval = {"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "ByHand"}]}}

    async def approve() -> Reply:
        return await api.ask("PATCH", f"{SIGNING}/r/approval", approval, patch="merge", user=api.caller(JO))

    csr = "certificates.k8s.io"
    rules = [rule("patch", of="certificatesigningrequests/approval", group=csr)]
    await api.create(f"{RBAC}/clusterroles", "approver", rules=rules)
    await api.create(
        f"{RBAC}/clusterrolebindings", "approver", subjects=[{"kind": "User", "name": "jo", "apiGroup": GROUP}],
        roleRef={"apiGroup": GROUP, "kind": "ClusterRole", "name": "approver"},
    )  # fmt: skip
    assert (await approve()).message.endswith(
        'user not permitted to approve requests with signerName "example.com/internal"'
    )
    rules.append(rule("approve", of="signers", group=csr, names=("example.com/*",)))
    await api.patch(f"{RBAC}/clusterroles/approver", {"rules": rules})
    assert (await approve()).code == 200


async def test_does_nobody_get_a_certificate_of_the_masters(api: Api) -> None:
    spec = {"signerName": CLIENT_SIGNER, "usages": ["client auth"], "request": request_for("x", "system:masters")}
    reply = await api.post(SIGNING, {"metadata": {"name": "r"}, "spec": spec})
    assert reply.code == 403
    assert reply.message.endswith(f"use of {CLIENT_SIGNER} signer with system:masters group is not allowed")


# ---------------------------------------------------------------- rules

VERBS, GROUPS, RESOURCES, NAMES = (
    ("get", "list", "*"),
    ("", "apps", "*"),
    ("pods", "pods/log", "*/log", "*"),
    ("a", "b"),
)
some_rule = st.fixed_dictionaries(
    {
        "verbs": st.lists(st.sampled_from(VERBS), min_size=1, max_size=2),
        "apiGroups": st.lists(st.sampled_from(GROUPS), min_size=1, max_size=2),
        "resources": st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2),
    },
    optional={"resourceNames": st.lists(st.sampled_from(NAMES), min_size=1, max_size=2)},
)


@given(st.lists(some_rule, max_size=4), some_rule)
def test_are_covered_rules_never_more_than_their_owner_may(owned: list[Object], wanted: Object) -> None:
    """Whatever request a covered rule allows, the owner's rules allow as well."""
    if uncovered(owned, [wanted]):
        return
    mine, theirs = CompiledRules(owned), CompiledRules([wanted])
    for verb in ("get", "list", "watch"):
        for group in ("", "apps", "batch"):
            for resource, subresource in (("pods", ""), ("pods", "log"), ("jobs", "log")):
                for name in ("", "a", "c"):
                    asked = Attributes(JO, verb, group, "v1", resource, subresource, "default", name)
                    assert not theirs.allow(asked) or mine.allow(asked)


@given(some_rule)
def test_does_a_rule_cover_all_its_parts(one: Object) -> None:
    assert all(covers(one, part) for part in parts_of(one))
