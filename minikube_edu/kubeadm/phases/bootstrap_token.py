"""How other machines get in: a token, what its bearers may do, and a ConfigMap that anybody may read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minikube_edu.client.errors import ApiError
from minikube_edu.kubeadm import files, objects
from minikube_edu.kubeadm.api_access import Api, all_of, create_or_retain, create_or_update, patiently

if TYPE_CHECKING:
    from minikube_edu.kubeadm.phases.init_data import InitData

_RULES = "[bootstrap-token] Configured RBAC rules to allow"


async def init(data: InitData) -> None:
    tokens = data.tokens
    if not data.skip_token_print:
        shown = f"token: {tokens[0]}" if len(tokens) == 1 else f"tokens: [{' '.join(tokens)}]"
        data.say(f"[bootstrap-token] Using {shown}")
    data.say("[bootstrap-token] Configuring bootstrap tokens, cluster-info ConfigMap, RBAC Roles")
    api = await data.api()
    if data.dry_run:  # prints what it would do as it goes: one after the other
        for one in data.configuration.init["bootstrapTokens"]:
            await put_token(api, one)
        for said, bodies in rules():
            data.say(said)
            await _all(api, bodies)
        await _cluster_info(data, api)
        return
    work = [put_token(api, one) for one in data.configuration.init["bootstrapTokens"]]
    for said, bodies in rules():
        data.say(said)
        work += [create_or_update(api, body) for body in bodies]
    await all_of(*work, _cluster_info(data, api))


def rules() -> list[tuple[str, list[dict[str, Any]]]]:
    return [
        (f"{_RULES} Node Bootstrap tokens to get nodes", objects.get_nodes()),
        (
            f"{_RULES} Node Bootstrap tokens to post CSRs in order for nodes to get long term certificate credentials",
            [objects.post_requests()],
        ),
        (
            f"{_RULES} the csrapprover controller automatically approve CSRs from a Node Bootstrap Token",
            [objects.approve_bootstrap()],
        ),
        (
            f"{_RULES} certificate rotation for all node client certificates in the cluster",
            [objects.approve_rotation()],
        ),
        (
            f"{_RULES} the API server kubelet client certificate to access the kubelet API",
            [objects.reach_kubelets()],
        ),
    ]


async def put_token(api: Api, token: dict[str, Any], *, fail_if_there: bool = False) -> None:
    body = objects.bootstrap_secret(token)
    name = body["metadata"]["name"]

    async def look() -> bool:
        try:
            await api.get("Secret", name, "kube-system")
        except ApiError as error:
            if not error.not_found:
                raise
            return False
        return True

    if await patiently(api, look) and fail_if_there:
        identifier = token["token"].partition(".")[0]
        raise ValueError(f'a token with id "{identifier}" already exists')
    await create_or_update(api, body)


async def _all(api: Api, bodies: list[dict[str, Any]]) -> None:
    await all_of(*(create_or_update(api, body) for body in bodies))


async def _cluster_info(data: InitData, api: Api) -> None:
    """Where the cluster is and whom to trust: signed for each token by a controller."""
    data.say('[bootstrap-token] Creating the "cluster-info" ConfigMap in the "kube-public" namespace')
    admin = files.parse_yaml(files.read(data.host, f"{data.kubeconfig_directory}/{_file(data)}"))
    context = next(one["context"] for one in admin["contexts"] if one["name"] == admin["current-context"])
    cluster = dict(next(one["cluster"] for one in admin["clusters"] if one["name"] == context["cluster"]))
    body = objects.config_map("cluster-info", {"kubeconfig": cluster_info(cluster)}, "kube-public")
    await all_of(create_or_retain(api, body), *(create_or_update(api, one) for one in objects.read_cluster_info()))


def cluster_info(cluster: dict[str, Any]) -> str:
    return files.yaml(
        {
            "apiVersion": "v1",
            "clusters": [{"cluster": cluster, "name": ""}],
            "contexts": None,
            "current-context": "",
            "kind": "Config",
            "users": None,
        }
    )


def _file(data: InitData) -> str:
    return "admin.conf" if data.dry_run else data.kubeconfig.removeprefix(data.kubeconfig_directory + "/")
