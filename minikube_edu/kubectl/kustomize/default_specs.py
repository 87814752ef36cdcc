"""Where labels, annotations, selectors, images and replicas are, and which fields are names of other resources.

The facts of kustomize's built-in configuration, folded: what holds for a pod holds for everything that holds a pod.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from minikube_edu.kubectl.kustomize.field_paths import Spec

_APPS, _RBAC, _NET = "apps", "rbac.authorization.k8s.io", "networking.k8s.io"
_TEMPLATE = "spec/template/metadata/{}"
_JOB = "spec/jobTemplate/"


def _templates(what: str, stateful_group: str) -> list[Spec]:
    """metadata/labels (or annotations) of an object and of the templates in it."""
    path = _TEMPLATE.format(what)
    return [
        Spec(f"metadata/{what}", create=True),
        Spec(path, "ReplicationController", version="v1", create=True),
        *(Spec(path, kind, create=True) for kind in ("Deployment", "ReplicaSet", "DaemonSet")),
        Spec(path, "StatefulSet", stateful_group, create=True),
        Spec(path, "Job", "batch", create=True),
        Spec(f"{_JOB}metadata/{what}", "CronJob", "batch", create=True),
        Spec(f"{_JOB}{path}", "CronJob", "batch", create=True),
    ]


def _affinities() -> Iterator[Spec]:
    base = "spec/template/spec/"
    for kind in ("Deployment", "StatefulSet"):
        for affinity in ("podAffinity", "podAntiAffinity"):
            start, end = f"{base}affinity/{affinity}", "labelSelector/matchLabels"
            preferred = f"{start}/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/{end}"
            yield Spec(preferred, kind, _APPS)
            yield Spec(f"{start}/requiredDuringSchedulingIgnoredDuringExecution/{end}", kind, _APPS)
        yield Spec(f"{base}topologySpreadConstraints/labelSelector/matchLabels", kind, _APPS)


METADATA_LABELS = [Spec("metadata/labels", create=True)]
TEMPLATE_LABELS = [
    *_templates("labels", _APPS),
    Spec("spec/volumeClaimTemplates[]/metadata/labels", "StatefulSet", _APPS, create=True),
]
SELECTORS = [
    Spec("spec/selector", "Service", version="v1", create=True),
    Spec("spec/selector", "ReplicationController", version="v1", create=True),
    *(Spec("spec/selector/matchLabels", kind, create=True) for kind in ("Deployment", "ReplicaSet", "DaemonSet")),
    Spec("spec/selector/matchLabels", "StatefulSet", _APPS, create=True),
    *_affinities(),
    Spec("spec/selector/matchLabels", "Job", "batch"),
    Spec(f"{_JOB}spec/selector/matchLabels", "CronJob", "batch"),
    Spec("spec/selector/matchLabels", "PodDisruptionBudget", "policy"),
    Spec("spec/podSelector/matchLabels", "NetworkPolicy", _NET),
    Spec("spec/ingress/from/podSelector/matchLabels", "NetworkPolicy", _NET),
    Spec("spec/egress/to/podSelector/matchLabels", "NetworkPolicy", _NET),
]
COMMON_LABELS = [*SELECTORS, *TEMPLATE_LABELS]
ANNOTATIONS = _templates("annotations", "")
IMAGES = [
    Spec(f"{base}{path}", create=True)
    for base in ("spec/", "spec/template/spec/")
    for path in ("containers[]/image", "initContainers[]/image", "volumes[]/image/reference")
]
REPLICAS = [
    Spec("spec/replicas", kind, create=True)
    for kind in ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")
]
NAMESPACES = [
    Spec("metadata/name", "Namespace", version="v1", create=True),
    Spec("spec/service/namespace", "APIService", "apiregistration.k8s.io", create=True),
    Spec("spec/conversion/webhook/clientConfig/service/namespace", "CustomResourceDefinition", "apiextensions.k8s.io"),
]


class Names(NamedTuple):
    """Fields that bear the name of a resource of this type."""

    kind: str
    group: str
    version: str
    specs: list[Spec]


_HOLDERS = {
    "Pod": "spec/", "PodTemplate": "template/spec/", "CronJob": "spec/jobTemplate/spec/template/spec/",
    **dict.fromkeys(("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet", "Job"), "spec/template/spec/"),
}  # fmt: skip
_RUNNERS = {
    **{kind: _HOLDERS[kind] for kind in ("Pod", "StatefulSet", "Deployment", "CronJob", "Job", "DaemonSet")},
    "ReplicationController": "spec/template/spec/",
}
_AUTH = "metadata/annotations/{}"
_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_BINDINGS = ("RoleBinding", "ClusterRoleBinding")


def _in_pods(holders: dict[str, str], *paths: str) -> list[Spec]:
    return [Spec(base + path, kind) for kind, base in holders.items() for path in paths]


def _source(what: str, volume: str) -> tuple[str, ...]:
    """The places in a pod where a config map or a secret is named."""
    places = (f"env/valueFrom/{what}KeyRef/name", f"envFrom/{what}Ref/name")
    found = [f"{kind}/{place}" for kind in ("containers", "initContainers") for place in places]
    return (f"volumes/{what}/{volume}", *found, f"volumes/projected/sources/{what}/name")


NAME_REFERENCES = [
    *(
        Names(kind, "", "", [Spec("spec/scaleTargetRef/name", "HorizontalPodAutoscaler")])
        for kind in ("Deployment", "ReplicationController", "ReplicaSet", "StatefulSet")
    ),
    Names("ConfigMap", "", "v1", [
        *_in_pods(_HOLDERS, *_source("configMap", "name")),
        Spec("spec/configSource/configMap", "Node"),
        Spec("rules/resourceNames", "Role"), Spec("rules/resourceNames", "ClusterRole"),
        Spec(_AUTH.format(r"nginx.ingress.kubernetes.io\/fastcgi-params-configmap"), "Ingress"),
    ]),
    Names("Secret", "", "v1", [
        *_in_pods(_HOLDERS, *_source("secret", "secretName"), "imagePullSecrets/name"),
        Spec("spec/tls/secretName", "Ingress"),
        *(Spec(_AUTH.format(name), "Ingress") for name in (
            r"ingress.kubernetes.io\/auth-secret", r"nginx.ingress.kubernetes.io\/auth-secret",
            r"nginx.ingress.kubernetes.io\/auth-tls-secret",
        )),
        Spec("imagePullSecrets/name", "ServiceAccount"),
        *(Spec(f"parameters/{name}", "StorageClass") for name in (
            "secretName", "adminSecretName", "userSecretName", "secretRef",
        )),
        Spec("rules/resourceNames", "Role"), Spec("rules/resourceNames", "ClusterRole"),
        Spec("spec/azureFile/secretName", "PersistentVolume"),
    ]),
    Names("Service", "", "v1", [
        Spec("spec/serviceName", "StatefulSet", _APPS),
        *(Spec(path, "Ingress") for path in (
            "spec/rules/http/paths/backend/serviceName", "spec/backend/serviceName",
            "spec/rules/http/paths/backend/service/name", "spec/defaultBackend/service/name",
        )),
        Spec("spec/service/name", "APIService", "apiregistration.k8s.io"),
        *(Spec("webhooks/clientConfig/service", kind, "admissionregistration.k8s.io") for kind in _WEBHOOKS),
    ]),
    Names("Role", _RBAC, "", [Spec("roleRef/name", "RoleBinding", _RBAC)]),
    Names("ClusterRole", _RBAC, "", [Spec("roleRef/name", kind, _RBAC) for kind in _BINDINGS]),
    Names("ServiceAccount", "", "v1", [
        *(Spec("subjects", kind, _RBAC) for kind in _BINDINGS), *_in_pods(_RUNNERS, "serviceAccountName"),
    ]),
    Names("PersistentVolumeClaim", "", "v1", _in_pods(_RUNNERS, "volumes/persistentVolumeClaim/claimName")),
    Names("PersistentVolume", "", "v1", [
        Spec("spec/volumeName", "PersistentVolumeClaim"), Spec("rules/resourceNames", "ClusterRole"),
    ]),
    Names("StorageClass", "storage.k8s.io", "v1", [
        Spec("spec/storageClassName", "PersistentVolume"), Spec("spec/storageClassName", "PersistentVolumeClaim"),
        Spec("spec/volumeClaimTemplates/spec/storageClassName", "StatefulSet"),
    ]),
    Names("PriorityClass", "scheduling.k8s.io", "v1", _in_pods(_RUNNERS, "priorityClassName")),
    Names("ValidatingAdmissionPolicy", "admissionregistration.k8s.io", "", [
        Spec("spec/policyName", "ValidatingAdmissionPolicyBinding", "admissionregistration.k8s.io"),
    ]),
]  # fmt: skip

_VARIABLE_FIELDS = tuple(
    f"{kind}/{field}" for kind in ("containers", "initContainers")
    for field in ("args", "command", "env/value", "volumeMounts/mountPath")
)  # fmt: skip
VARIABLES = [
    *_in_pods({kind: base for kind, base in _HOLDERS.items() if kind != "PodTemplate"}, *_VARIABLE_FIELDS),
    *_in_pods({kind: base for kind, base in _HOLDERS.items() if kind != "PodTemplate"}, "volumes/nfs/server"),
    Spec("spec/template/metadata/annotations", "Deployment"),
    *(Spec(path, "Ingress") for path in ("spec/rules/host", "spec/tls/hosts", "spec/tls/secretName")),
    *(Spec(path, "Service") for path in ("spec/ports/port", "spec/ports/targetPort")),
    Spec("spec/nfs/server", "PersistentVolume"),
    Spec("metadata/labels"), Spec("metadata/annotations"),
]  # fmt: skip
