"""Who a container runs as and what it may do: the pod's security context, overruled by the container's own.

`runAsNonRoot` is checked here, against the user of the pod or, without one, of the image.
"""

from __future__ import annotations

from typing import Any

from minikube_edu.container_runtime.cri import Image, SecurityContext
from minikube_edu.kubelet.contract import SyncFailure
from minikube_edu.kubelet.pod_facts import described

Object = dict[str, Any]

LARGEST_USER = (1 << 31) - 1
BOTH = ("runAsUser", "runAsGroup", "runAsNonRoot", "seccompProfile", "appArmorProfile")


def effective(pod: Object, container: Object) -> Object:
    """The container's context, with what the pod says where it is silent."""
    whole, own = pod["spec"].get("securityContext") or {}, container.get("securityContext") or {}
    return {**{key: whole[key] for key in BOTH if whole.get(key) is not None}, **own}


def context(pod: Object, container: Object, image: Image | None) -> SecurityContext:
    found = effective(pod, container)
    user, name = image_user(image)
    verify(pod, container, found, user, name)
    run_as = found.get("runAsUser")
    capabilities = found.get("capabilities") or {}
    privileged = bool(found.get("privileged", False))
    return SecurityContext(
        privileged=privileged,
        run_as_user=run_as if run_as is not None else user,
        run_as_group=found.get("runAsGroup"),
        run_as_username=name if run_as is None and user is None else "",
        supplemental_groups=groups(pod),
        readonly_rootfs=bool(found.get("readOnlyRootFilesystem", False)),
        no_new_privileges=found.get("allowPrivilegeEscalation") is False,
        add_capabilities=tuple(capabilities.get("add") or ()),
        drop_capabilities=tuple(capabilities.get("drop") or ()),
        seccomp="Unconfined" if privileged else _profile(found.get("seccompProfile")),
        apparmor=_profile(found.get("appArmorProfile")),
    )


def groups(pod: Object) -> tuple[int, ...]:
    whole = pod["spec"].get("securityContext") or {}
    fs_group = whole.get("fsGroup")
    return (*(whole.get("supplementalGroups") or ()), *(() if fs_group is None else (fs_group,)))


def image_user(image: Image | None) -> tuple[int | None, str]:
    """The image's user as a number, or as a name; an image that names none runs as root."""
    text = (image.user if image is not None else "").partition(":")[0]
    if not text:
        return (0, "") if image is not None else (None, "")
    return (int(text), "") if text.isascii() and text.isdigit() else (None, text)


def verify(pod: Object, container: Object, found: Object, user: int | None, name: str) -> None:
    if not found.get("runAsNonRoot"):
        return
    where = f'(pod: "{described(pod)}", container: {container["name"]})'
    why = ""
    if found.get("runAsUser") is not None:
        why = "container's runAsUser breaks non-root policy" if found["runAsUser"] == 0 else ""
    elif user is None and name:
        why = f"container has runAsNonRoot and image has non-numeric user ({name}), cannot verify user is non-root"
    elif user == 0:
        why = "container has runAsNonRoot and image will run as root"
    elif user is not None and user > LARGEST_USER:
        why = (
            f"container has runAsNonRoot and image has an invalid user id ({user}). (Must be 1-({LARGEST_USER})): "
            f"must be between 0 and {LARGEST_USER}, inclusive"
        )
    if why:
        raise SyncFailure("CreateContainerConfigError", f"{why} {where}")


def _profile(profile: Object | None) -> str:
    if not profile:
        return ""
    kind = str(profile["type"])
    return f"Localhost/{profile.get('localhostProfile', '')}" if kind == "Localhost" else kind
