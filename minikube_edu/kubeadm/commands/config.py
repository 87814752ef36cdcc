"""`kubeadm config`: default configurations, the images that they mean, files of older versions made new."""

from __future__ import annotations

from typing import Any

from minikube_edu.kubeadm import files, images, preflight, printing
from minikube_edu.kubeadm.command import Call, CommandError
from minikube_edu.kubeadm.config import defaults, flags, loading, validation
from minikube_edu.kubeadm.config.configuration import Configuration
from minikube_edu.kubeadm.contract import RUNTIME_ENDPOINT

Object = dict[str, Any]

COMPONENTS = ("KubeProxyConfiguration", "KubeletConfiguration")
PLACEHOLDER_TOKEN = "abcdef.0123456789abcdef"
_UPGRADE = {"certificateRenewal": True, "etcdUpgrade": True, "imagePullPolicy": "IfNotPresent", "imagePullSerial": True}


async def print_defaults(call: Call) -> None:
    wanted = call.flags.get("component-configs") or []
    if any(one not in COMPONENTS for one in wanted):
        raise CommandError(f"--component-configs needs to contain some of [{' '.join(COMPONENTS)}]")
    documents: list[Object]
    if call.command.phase == "join":  # the only one for which the real one looks at the machine
        documents = _join(call.host.machine.hostname)
    else:
        documents = {"init": _init, "reset": _reset, "upgrade": _upgrade}[call.command.phase]()
    cluster = defaults.cluster({})
    made = {
        "KubeProxyConfiguration": lambda: defaults.proxy({}, cluster, "1.2.3.4"),
        "KubeletConfiguration": lambda: defaults.kubelet({}, cluster, "10.96.0.10"),
    }
    documents += [made[kind]() for kind in COMPONENTS if kind in wanted]
    call.out.write("---\n".join(map(files.yaml, documents)))


def _init() -> list[Object]:
    init = defaults.init(
        {"bootstrapTokens": [{"token": PLACEHOLDER_TOKEN}], "nodeRegistration": {"name": "node"}},
        "node",
        "1.2.3.4",
        RUNTIME_ENDPOINT,
    )
    init["nodeRegistration"]["taints"] = None
    return [init, {**defaults.cluster({}), "kubernetesVersion": "1.36.0"}]


def _join(host_name: str) -> list[Object]:
    registration = {
        "criSocket": RUNTIME_ENDPOINT,
        "imagePullPolicy": "IfNotPresent",
        "imagePullSerial": True,
        "name": host_name,
        "taints": None,
    }
    token = {
        "apiServerEndpoint": "kube-apiserver:6443",
        "token": PLACEHOLDER_TOKEN,
        "unsafeSkipCAVerification": True,
    }
    return [
        {
            "apiVersion": defaults.API,
            "caCertPath": "/etc/kubernetes/pki/ca.crt",
            "discovery": {"bootstrapToken": token, "tlsBootstrapToken": PLACEHOLDER_TOKEN},
            "kind": "JoinConfiguration",
            "nodeRegistration": registration,
            "timeouts": dict(defaults.TIMEOUTS),
        }
    ]


def _reset() -> list[Object]:
    return [
        {
            "apiVersion": defaults.API,
            "certificatesDir": "/etc/kubernetes/pki",
            "criSocket": RUNTIME_ENDPOINT,
            "kind": "ResetConfiguration",
            "timeouts": dict(defaults.TIMEOUTS),
        }
    ]


def _upgrade() -> list[Object]:
    return [
        {
            "apiVersion": defaults.API,
            "apply": dict(_UPGRADE),
            "diff": {},
            "kind": "UpgradeConfiguration",
            "node": dict(_UPGRADE),
            "plan": {"etcdUpgrade": True},
            "timeouts": dict(defaults.TIMEOUTS),
        }
    ]


async def images_list(call: Call) -> None:
    printing.check(call)
    found = images.of(_configuration(call))
    if printing.is_text(call):
        call.out.write("".join(f"{one}\n" for one in found))
    else:
        printing.show(call, {"kind": "Images", "apiVersion": printing.API, "images": found})


async def images_pull(call: Call) -> None:
    configuration = _configuration(call)
    socket = call.flags["cri-socket"] or call.host.runtime_endpoint
    complaint = preflight.runtime_complaint(call.host, socket)
    if complaint:
        raise CommandError(complaint.removeprefix("could not connect to the container runtime: "))
    for image in images.of(configuration):
        why = await images.pull(call.host, image)
        if why:
            raise CommandError(why.replace("failed to pull image ", "failed to pull image ", 1))
        call.say(f"[config/images] Pulled {image}")


def _configuration(call: Call) -> Configuration:
    """Enough of one to name images."""
    if call.flags["config"]:
        flags.refuse_mixed(call)
        documents = loading.load(call, call.flags["config"])
        given = documents.get("ClusterConfiguration") or {}
    else:
        given = {
            "kubernetesVersion": call.flags["kubernetes-version"],
            "imageRepository": call.flags["image-repository"],
            "featureGates": flags.feature_gates(call.flags["feature-gates"]),
        }
    try:
        version = validation.resolved_version(given.get("kubernetesVersion") or "stable-1")
    except CommandError as error:
        raise CommandError(f"could not convert cfg to an internal cfg: {error}") from None
    return defaults.whole({}, {**given, "kubernetesVersion": version}, {}, call.host)


async def validate(call: Call) -> None:
    path = call.flags["config"]
    if not path:
        raise CommandError("the --config flag is mandatory")
    documents = loading.parse(call, loading.read(call, path), strict=True)
    _check(call, documents)
    call.say("ok")


def _check(call: Call, documents: dict[str, Object]) -> None:
    from minikube_edu.kubeadm.config import joining

    kinds = set(documents) - set(loading.COMPONENTS)
    if kinds & {"InitConfiguration", "ClusterConfiguration"}:
        _init_of(call, documents)
    if "JoinConfiguration" in documents:
        problems = joining.problems_of(joining.whole(documents["JoinConfiguration"], call), call)
        if problems:
            raise CommandError(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")
    if "ResetConfiguration" in documents:
        problems = validation.absolute(
            documents["ResetConfiguration"].get("certificatesDir") or "/etc/kubernetes/pki", "certificatesDir"
        )
        if problems:
            raise CommandError(problems[0])


def _init_of(call: Call, documents: dict[str, Object]) -> Configuration:
    init, cluster = documents.get("InitConfiguration") or {}, documents.get("ClusterConfiguration") or {}
    cluster = {
        **cluster,
        "kubernetesVersion": validation.resolved_version(cluster.get("kubernetesVersion") or "stable-1"),
    }
    components = {kind: documents[kind] for kind in loading.COMPONENTS if kind in documents}
    configuration = defaults.whole(init, cluster, components, call.host)
    validation.check(configuration)
    return configuration


async def migrate(call: Call) -> None:
    path = call.flags["old-config"]
    if not path:
        raise CommandError("the --old-config flag is mandatory")
    documents = loading.parse(call, loading.read(call, path), strict=True, quiet=True)
    _check(call, documents)
    made: list[Object] = []
    if set(documents) & {"InitConfiguration", "ClusterConfiguration"}:
        configuration = _init_of(call, documents)
        made += [configuration.init, configuration.cluster]
    for kind in ("JoinConfiguration", "ResetConfiguration", "UpgradeConfiguration", *loading.COMPONENTS):
        if kind == "JoinConfiguration" and kind in documents:
            from minikube_edu.kubeadm.config import joining

            made.append(joining.whole(documents[kind], call))
        elif kind in documents:
            made.append(documents[kind])
    text = "---\n".join(map(files.yaml, made))
    target = call.flags["new-config"]
    if target:
        files.write(call.host, target, text)
    else:
        call.out.write(text)
