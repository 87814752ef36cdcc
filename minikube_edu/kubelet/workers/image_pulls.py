"""Is the image here, or how does it get here: pull policies, pull secrets, back-off.

Pulls of different pods run side by side unless `serialize` is set. A failed pull is tried again after 10 s, doubled
each time up to five minutes, by pod and image; meanwhile the container waits with ImagePullBackOff and the words of
the last failure.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Sequence

import orjson

from minikube_edu.api import images
from minikube_edu.api.durations import from_seconds
from minikube_edu.container_runtime.cri import ContainerRuntime, Credentials, Image, RuntimeFailure
from minikube_edu.kubelet import pod_facts
from minikube_edu.kubelet.contract import ApiObjects, Object, Recorder, SyncFailure
from minikube_edu.kubelet.restarts import Backoff
from minikube_edu.lib import clock
from minikube_edu.lib.gotext import quote


class ImagePulls:
    def __init__(
        self,
        runtime: ContainerRuntime,
        objects: ApiObjects,
        recorder: Recorder,
        *,
        backoff: Backoff | None = None,
        serialize: bool = False,
        parallel: int = 0,
    ) -> None:
        self.used: dict[str, float] = {}  # image id -> when a container last needed it (wall clock)
        self._runtime = runtime
        self._objects = objects
        self._recorder = recorder
        self._backoff = backoff or Backoff()
        self._failures: dict[tuple[str, str], str] = {}
        count = 1 if serialize else parallel
        self._gate = asyncio.Semaphore(count) if count else None

    async def ensure(self, pod: Object, container: Object) -> Image:
        """The image as it is on this node; SyncFailure with what the container waits for."""
        name = container.get("image") or ""
        try:
            images.parse(name)
        except ValueError as error:
            why = f"couldn't parse image name {quote(name)}: {error}"
            self._tell(
                pod, container, "Warning", "InspectFailed", f"Failed to apply default image tag {quote(name)}: {why}"
            )
            message = f"Failed to apply default image tag {quote(name)}: {why}"
            raise self._failed(pod, container, "InvalidImageName", message) from None
        tagged = _with_tag(name)
        policy = container.get("imagePullPolicy") or images.pull_policy(name)
        present = await self._inspect(pod, container, tagged)
        if present is not None and policy != "Always":
            message = f"Container image {quote(name)} already present on machine and can be accessed by the pod"
            self._tell(pod, container, "Normal", "Pulled", message)
            return self._in_use(present)
        if policy == "Never":
            message = f"Container image {quote(name)} is not present with pull policy of Never"
            self._tell(pod, container, "Warning", "ErrImageNeverPull", message)
            raise self._failed(pod, container, "ErrImageNeverPull", message)
        return self._in_use(await self._pull(pod, container, name, tagged))

    async def _inspect(self, pod: Object, container: Object, tagged: str) -> Image | None:
        try:
            return await self._runtime.image_status(tagged)
        except RuntimeFailure as error:
            message = f"Failed to inspect image {quote(container['image'])}: {error}"
            self._tell(pod, container, "Warning", "InspectFailed", message)
            raise self._failed(pod, container, "ImageInspectError", message) from None

    async def _pull(self, pod: Object, container: Object, name: str, tagged: str) -> Image:
        key = (pod_facts.uid(pod), name)
        if self._backoff.wait_since_update(key) > 0:
            message = f"Back-off pulling image {quote(name)}"
            self._tell(pod, container, "Normal", "BackOff", message)
            if key in self._failures:
                message += f": {self._failures[key]}"
            raise self._failed(pod, container, "ImagePullBackOff", message)
        self._tell(pod, container, "Normal", "Pulling", f"Pulling image {quote(name)}")
        asked = clock.monotonic()
        credentials = await self._credentials(pod)
        try:
            if self._gate is None:
                began = asked
                await self._runtime.pull_image(tagged, credentials)
            else:
                async with self._gate:
                    began = clock.monotonic()
                    await self._runtime.pull_image(tagged, credentials)
            found = await self._runtime.image_status(tagged)
            if found is None:
                raise RuntimeFailure(f"image {quote(tagged)} is gone")
        except RuntimeFailure as error:
            reason, message = _refused(name, error)
            self._tell(pod, container, "Warning", "Failed", f"Failed to pull image {quote(name)}: {error}")
            self._backoff.next(key, clock.now())
            self._failures[key] = f"{reason}: {message}"
            raise self._failed(pod, container, reason, message) from None
        self._failures.pop(key, None)
        now = clock.monotonic()
        took, waited = _milliseconds(now - began), _milliseconds(now - asked)
        message = f"Successfully pulled image {quote(name)} in {took} ({waited} including waiting). Image size: "
        self._tell(pod, container, "Normal", "Pulled", f"{message}{found.size} bytes.")
        return found

    def backoff_wait(self, pod: Object, image: str) -> float:
        """Seconds until the image may be tried again."""
        return self._backoff.wait_since_update((pod_facts.uid(pod), image))

    def forget(self, uid: str) -> None:
        self._backoff.forget(uid)
        for key in [key for key in self._failures if key[0] == uid]:
            del self._failures[key]

    def _in_use(self, image: Image) -> Image:
        self.used[image.id] = clock.now()
        return image

    def _tell(self, pod: Object, container: Object, kind: str, reason: str, message: str) -> None:
        self._recorder.event(pod, kind, reason, message, container["name"])

    def _failed(self, pod: Object, container: Object, reason: str, message: str) -> SyncFailure:
        self._tell(pod, container, "Warning", "Failed", f"Error: {reason}")
        return SyncFailure(reason, message)

    async def _credentials(self, pod: Object) -> list[Credentials]:
        found: list[Credentials] = []
        missing: list[str] = []
        for reference in pod["spec"].get("imagePullSecrets") or ():
            secret = await self._objects.secret(pod_facts.namespace(pod), reference.get("name") or "")
            if secret is None:
                missing.append(reference.get("name") or "")
            else:
                found += _registries(secret)
        if missing:
            message = (
                f"Unable to retrieve some image pull secrets ({', '.join(missing)}); attempting to pull the image may "
                "not succeed."
            )
            self._recorder.event(pod, "Warning", "FailedToRetrieveImagePullSecret", message)
        return found


def _with_tag(name: str) -> str:
    """`nginx` is `nginx:latest`; the registry is left to the runtime."""
    last = name.rpartition("/")[2]
    return name if ":" in last or "@" in name else name + ":latest"


def _refused(name: str, error: RuntimeFailure) -> tuple[str, str]:
    if error.message.startswith("RegistryUnavailable"):
        return "RegistryUnavailable", f"image pull failed for {name} because the registry is unavailable"
    if error.message.startswith("SignatureValidationFailed"):
        return "SignatureValidationFailed", f"image pull failed for {name} because the signature validation failed"
    return "ErrImagePull", str(error)


def _milliseconds(seconds: float) -> str:
    return from_seconds(int(seconds * 1000) / 1000)


def _registries(secret: Object) -> Sequence[Credentials]:
    """What a secret of type kubernetes.io/dockerconfigjson (or the older dockercfg) holds."""
    data = secret.get("data") or {}
    try:
        if ".dockerconfigjson" in data:
            entries = orjson.loads(base64.b64decode(data[".dockerconfigjson"])).get("auths") or {}
        elif ".dockercfg" in data:
            entries = orjson.loads(base64.b64decode(data[".dockercfg"]))
        else:
            return []
        return [_credentials(server, entry) for server, entry in entries.items()]
    except (ValueError, AttributeError, binascii.Error):
        return []


def _credentials(server: str, entry: Object) -> Credentials:
    user, password = entry.get("username") or "", entry.get("password") or ""
    if entry.get("auth") and not user:
        user, _, password = base64.b64decode(entry["auth"]).decode("utf-8", "replace").partition(":")
    return Credentials(user, password, server, entry.get("identitytoken") or entry.get("registrytoken") or "")
