"""A container's environment: where each variable comes from, and which of two wins.

In this order, the later wins: services (`service_links`), `envFrom` in the order of its sources, `env` in its own
order. A value may refer to what was set before it, `$(NAME)`; the last to be asked are the services. Names of envFrom
are taken as they are, whatever they look like.

The real kubelet hands the runtime a list in no order at all (it comes out of a Go map); here it is sorted, as many
tools do before they show it.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minikube_edu.kubelet import downward, env_file, expansion, service_links
from minikube_edu.kubelet.contract import ApiObjects, PodAddresses, SyncFailure
from minikube_edu.kubelet.node_paths import Escapes, below
from minikube_edu.kubelet.pod_facts import is_static

Object = dict[str, Any]

REASON = "CreateContainerConfigError"


class Refused(SyncFailure):
    """The environment cannot be put together; tried again when the pod is synced."""

    def __init__(self, message: str) -> None:
        super().__init__(REASON, message)


class Environment:
    """The environment of one container, put together once."""

    def __init__(
        self,
        pod: Object,
        container: Object,
        objects: ApiObjects,
        volumes: Mapping[str, Path],
        addresses: PodAddresses,
        allocatable: Mapping[str, str],
    ) -> None:
        self.pod, self.container, self.objects = pod, container, objects
        self.volumes, self.addresses, self.allocatable = volumes, addresses, allocatable
        self.namespace: str = pod["metadata"].get("namespace", "")
        self._data: dict[tuple[str, str], Mapping[str, str] | None] = {}

    async def variables(self) -> dict[str, str]:
        links = self.links()
        found: dict[str, str] = {}
        for source in self.container.get("envFrom") or ():
            kind = "configMapRef" if "configMapRef" in source else "secretRef"
            if kind in source:
                data = await self.data(kind, source[kind], source[kind].get("optional", False))
                prefix = source.get("prefix", "")
                found.update({prefix + key: value for key, value in (data or {}).items()})
        for variable in self.container.get("env") or ():
            value: str | None = variable.get("value", "")
            if value:
                value = expansion.expand(value, found, links)
            elif variable.get("valueFrom"):
                value = await self.elsewhere(variable["valueFrom"])
            if value is not None:
                found[variable["name"]] = value
        every = {**links, **found}
        return {name: every[name] for name in sorted(every)}

    def links(self) -> Mapping[str, str]:
        wanted = self.pod["spec"].get("enableServiceLinks", True)
        try:
            services = list(self.objects.services(self.namespace))
            if self.namespace != service_links.MASTER[0]:
                services += self.objects.services(service_links.MASTER[0])
        except SyncFailure:
            if not is_static(self.pod):  # what boots the API server cannot wait for it
                raise
            return {}
        return service_links.variables(service_links.visible(services, self.namespace, wanted))

    async def elsewhere(self, source: Object) -> str | None:
        """None: it is optional, and not there."""
        try:
            if "fieldRef" in source:
                return downward.field(self.pod, source["fieldRef"]["fieldPath"], self.addresses)
            if "resourceFieldRef" in source:
                return downward.resource(self.pod, self.container, source["resourceFieldRef"], self.allocatable)
        except ValueError as error:
            raise Refused(str(error)) from None
        if "fileKeyRef" in source:
            return self.from_file(source["fileKeyRef"])
        for kind, shown in (("configMapKeyRef", "ConfigMap"), ("secretKeyRef", "Secret")):
            if kind in source:
                return await self.key(kind, shown, source[kind])
        return ""

    async def key(self, kind: str, shown: str, reference: Object) -> str | None:
        optional = reference.get("optional", False)
        data = await self.data(kind, reference, optional)
        if data is None:
            return None
        if reference["key"] in data:
            return data[reference["key"]]
        if optional:
            return None
        raise Refused(f"couldn't find key {reference['key']} in {shown} {self.namespace}/{reference['name']}")

    async def data(self, kind: str, reference: Object, optional: bool) -> Mapping[str, str] | None:
        """All of a config map or secret, as text; None: optional and not there."""
        name, secret = reference.get("name", ""), kind.startswith("secret")
        if (kind[0], name) not in self._data:
            read = self.objects.secret if secret else self.objects.config_map
            try:
                found = await read(self.namespace, name)
            except SyncFailure as failure:
                raise Refused(failure.message) from None
            values = None if found is None else found.get("data") or {}
            if secret and values is not None:
                values = {key: base64.b64decode(value).decode(errors="replace") for key, value in values.items()}
            self._data[kind[0], name] = values
        found_data = self._data[kind[0], name]
        if found_data is None and not optional:
            raise Refused(f'{"secret" if secret else "configmap"} "{name}" not found')
        return found_data

    def from_file(self, reference: Object) -> str | None:
        volume, key = reference["volumeName"], reference["key"]
        if volume not in self.volumes:
            raise Refused(f'cannot find the volume "{volume}" referenced by FileKeyRef')
        path = self.volumes[volume] / reference["path"]
        try:
            inside = below(self.volumes[volume], reference["path"])
            value = env_file.parse(inside.read_text()).get(key, "")
        except (OSError, ValueError, Escapes):
            raise Refused("couldn't parse env file") from None
        if value:
            return value
        if reference.get("optional", False):
            return None
        raise Refused(f'environment variable key "{key}" not found in file "{path}"')
