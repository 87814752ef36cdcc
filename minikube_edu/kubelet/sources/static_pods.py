"""From a manifest to a static pod: read, checked as the API server would, named after the node, and given a uid.

The uid is a hash of the node, the source and what the manifest says: the same file is the same pod, also for the next
kubelet, and an edited one is another pod. The mirror in the API has this uid as its `kubernetes.io/config.hash`.
"""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import Object
from minikube_edu.lib import clock

FORBIDDEN = {"secret": "Secret", "configMap": "ConfigMap", "persistentVolumeClaim": "PersistentVolumeClaim"}


class BadManifest(Exception):
    """The text is no pod that could be run."""


def documents(text: bytes) -> Any:
    """JSON, or else YAML."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        import yaml

        try:
            return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except yaml.YAMLError:
            return _slowly(text)


def _slowly(text: bytes) -> Any:
    """With the message that the real one has for what is wrong."""
    from minikube_edu.api.wire.yaml_form import YamlError, parse

    try:
        return parse(text)
    except YamlError as error:
        raise BadManifest(f"couldn't parse as pod({error}), please check config file") from None


def static_pods(text: bytes, node: str, source: str, where: str) -> list[Object]:
    """The pods of a manifest: one, or those of a list. `source` is file or http, `where` the path or URL."""
    found = documents(text)
    if isinstance(found, dict) and found.get("kind") in ("PodList", "List") and isinstance(found.get("items"), list):
        return [static_pod(one, node, source, where) for one in found["items"]]
    return [static_pod(found, node, source, where)]


def static_pod(manifest: Any, node: str, source: str, where: str) -> Object:
    if not isinstance(manifest, dict):
        raise BadManifest("couldn't parse as pod(it is no object), please check config file")
    if manifest.get("apiVersion") != "v1" or manifest.get("kind") != "Pod":
        kind = f"{manifest.get('apiVersion') or ''}, Kind={manifest.get('kind') or ''}"
        raise BadManifest(f"couldn't parse as pod(invalid pod: {kind}), please check config file")
    pod = _checked(manifest)
    metadata, spec = pod["metadata"], pod["spec"]
    uid = str(metadata.get("uid") or _uid(pod, node, source, where))
    metadata |= {"uid": uid, "name": f"{metadata['name']}-{node.lower()}"}
    metadata["namespace"] = metadata.get("namespace") or "default"
    annotations = dict(metadata.get("annotations") or {})
    annotations[pod_facts.HASH] = uid
    annotations[pod_facts.SEEN] = clock.rfc3339_micro()
    annotations[pod_facts.SOURCE] = source
    metadata["annotations"] = annotations
    spec["nodeName"] = node
    everything = {"operator": "Exists", "effect": "NoExecute"}
    if everything not in (spec.get("tolerations") or ()):
        spec["tolerations"] = [*(spec.get("tolerations") or ()), everything]
    _priority(spec)
    pod["status"] = {"phase": "Pending"}
    return pod


def _checked(manifest: Object) -> Object:
    """Decoded, with its defaults, and valid."""
    from minikube_edu.api import schema
    from minikube_edu.api.defaults import defaulter
    from minikube_edu.api.field_errors import Errors
    from minikube_edu.api.validation import validator

    name = schema.type_of("", "v1", "Pod") or ""
    try:
        pod: Object = schema.decode(name, manifest).object
    except schema.DecodeError as error:
        raise BadManifest(f"couldn't parse as pod({error}), please check config file") from None
    metadata = pod.setdefault("metadata", {})
    metadata.setdefault("namespace", "default")
    defaulter("", "v1", "Pod")(pod)
    rules = validator("", "Pod")
    errors = Errors()
    problems = rules.name(str(metadata.get("name") or ""))
    rules.create(pod, errors)
    texts = [*(f"metadata.name: Invalid value: {text}" for text in problems), *(str(one) for one in errors)]
    if texts:
        told = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
        raise BadManifest(f"invalid pod: {told}")
    for volume in pod["spec"].get("volumes") or ():
        for field, kind in FORBIDDEN.items():
            if field in volume:
                raise BadManifest(f"static pods may not reference {kind}: spec.volumes[{volume['name']}]")
    return pod


def _uid(pod: Object, node: str, source: str, where: str) -> str:
    told = f"host:{node}|{source}:{where}|".encode() + orjson.dumps(pod, option=orjson.OPT_SORT_KEYS)
    return hashlib.md5(told, usedforsecurity=False).hexdigest()


def _priority(spec: Object) -> None:
    """The two classes that every cluster has; there may be no API server to ask."""
    known = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}
    name = spec.get("priorityClassName")
    if name in known and spec.get("priority") is None:
        spec["priority"] = known[name]
    if spec.get("priority") is None:
        spec["priority"] = 0
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
