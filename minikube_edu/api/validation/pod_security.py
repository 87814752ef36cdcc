"""Security contexts of pods and containers: users, profiles, sysctls, and what makes no sense on Windows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from minikube_edu.api import internal_pods, names
from minikube_edu.api.field_errors import Errors
from minikube_edu.api.validation.pod_options import Options
from minikube_edu.api.validation.pod_paths import descending

Object = dict[str, Any]

SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
APPARMOR_CONTAINER = "container.apparmor.security.beta.kubernetes.io/"

_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_sysctl = re.compile(_SYSCTL).fullmatch
_PROFILES = ["Localhost", "RuntimeDefault", "Unconfined"]


def all_containers(spec: Object, path: str) -> Iterator[tuple[str, Object]]:
    """(path, container), of every sort, in the order in which the real one visits them."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            yield f"{path}.{field}[{index}]", container


def validate_pod_security(path: str, spec: Object, options: Options, errors: Errors) -> None:
    """`spec.securityContext`, which is {} for most pods."""
    context: Object = spec.get("securityContext") or {}
    at = f"{path}.securityContext"
    if context:
        for field in ("fsGroup", "runAsUser", "runAsGroup"):
            _user(f"{at}.{field}", context.get(field), errors)
        for index, group in enumerate(context.get("supplementalGroups", ())):
            _user(f"{at}.supplementalGroups[{index}]", group, errors)
    if spec.get("hostPID") and spec.get("shareProcessNamespace"):
        problem = "ShareProcessNamespace and HostPID cannot both be enabled"
        errors.invalid(f"{at}.shareProcessNamespace", True, problem)
    if not context:
        return
    _validate_sysctls(f"{at}.sysctls", spec, context.get("sysctls", ()), options, errors)
    _one_of(at, context, "fsGroupChangePolicy", ["Always", "OnRootMismatch"], errors)
    _validate_profiles(at, context, errors)
    _one_of(at, context, "supplementalGroupsPolicy", ["Merge", "Strict"], errors)
    _one_of(at, context, "seLinuxChangePolicy", ["MountOption", "Recursive"], errors)


def validate_security_context(path: str, context: Object, host_users: bool, errors: Errors) -> None:
    """A container's."""
    _user(f"{path}.runAsUser", context.get("runAsUser"), errors)
    _user(f"{path}.runAsGroup", context.get("runAsGroup"), errors)
    mount = context.get("procMount")
    if mount is not None:
        if mount not in ("Default", "Unmasked"):
            errors.not_supported(f"{path}.procMount", mount, ["Default", "Unmasked"])
        if host_users and mount == "Unmasked":
            errors.invalid(f"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`")
    _validate_seccomp(f"{path}.seccompProfile", context.get("seccompProfile"), errors)
    if context.get("allowPrivilegeEscalation") is False:
        problem = "cannot set `allowPrivilegeEscalation` to false and "
        shown = None
        if context.get("privileged"):
            shown = internal_pods.internal("core.v1.SecurityContext", context)
            errors.invalid(path, shown, problem + "`privileged` to true")
        for capability in context.get("capabilities", {}).get("add", ()):
            if capability == "CAP_SYS_ADMIN":
                shown = internal_pods.internal("core.v1.SecurityContext", context)
                errors.invalid(path, shown, problem + "`capabilities.Add` CAP_SYS_ADMIN")
    _validate_windows_options(f"{path}.windowsOptions", context.get("windowsOptions"), errors)
    _validate_apparmor(f"{path}.appArmorProfile", context.get("appArmorProfile"), errors)


def _validate_profiles(path: str, context: Object, errors: Errors) -> None:
    _validate_seccomp(f"{path}.seccompProfile", context.get("seccompProfile"), errors)
    _validate_windows_options(f"{path}.windowsOptions", context.get("windowsOptions"), errors)
    _validate_apparmor(f"{path}.appArmorProfile", context.get("appArmorProfile"), errors)


def _user(path: str, number: int | None, errors: Errors) -> None:
    if number is not None:
        errors.invalid_each(path, number, names.user_id(number))


def _one_of(path: str, context: Object, field: str, supported: list[str], errors: Errors) -> None:
    value = context.get(field)
    if value is not None and value not in supported:
        errors.not_supported(f"{path}.{field}", value, supported)


# ---------------------------------------------------------------- profiles


def _validate_seccomp(path: str, profile: Object | None, errors: Errors) -> None:
    if profile is None:
        return
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    if not kind:
        errors.required(f"{path}.type", "type is required when seccompProfile is set")
    elif kind not in _PROFILES:
        errors.not_supported(f"{path}.type", kind, _PROFILES)
    if kind == "Localhost":
        if local is None:
            errors.required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost")
        else:
            descending(f"{path}.localhostProfile", local, errors)
    elif local is not None:
        shown = internal_pods.internal("core.v1.SeccompProfile", profile)
        errors.invalid(f"{path}.localhostProfile", shown, "can only be set when seccomp type is Localhost")


def _validate_apparmor(path: str, profile: Object | None, errors: Errors) -> None:
    if profile is None:
        return
    kind, local = profile.get("type", ""), profile.get("localhostProfile")
    at = f"{path}.localhostProfile"
    if kind == "Localhost":
        if not local:
            errors.required(at, "must be set when AppArmor type is Localhost")
        elif local.strip() != local:
            errors.invalid(at, local, "must not be padded with whitespace")
        if local and len(local.encode()) > 4095:
            errors.too_long(at, 4095)
    elif kind in _PROFILES:
        if local is not None:
            errors.invalid(at, local, "can only be set when AppArmor type is Localhost")
    elif kind:
        errors.not_supported(f"{path}.type", kind, _PROFILES)
    else:
        errors.required(f"{path}.type", "type is required when appArmorProfile is set")


def _validate_sysctls(path: str, spec: Object, sysctls: Any, options: Options, errors: Errors) -> None:
    seen: set[str] = set()
    for index, sysctl in enumerate(sysctls):
        at, name = f"{path}[{index}].name", sysctl.get("name", "")
        if not name:
            errors.required(at)
        elif len(name) > 253 or not _sysctl(name):
            errors.invalid(at, name, f"must have at most 253 characters and match regex ^{_SYSCTL}$")
        elif name in seen:
            errors.duplicate(at, name)
        if not options.any_sysctl:
            shared = shared_namespace(name)
            if spec.get("hostNetwork") and shared == "net":
                errors.invalid(at, name, "may not be specified when 'hostNetwork' is true")
            elif spec.get("hostIPC") and shared == "ipc":
                errors.invalid(at, name, "may not be specified when 'hostIPC' is true")
        seen.add(name)


def shared_namespace(sysctl: str) -> str:
    """The kind of namespace that a sysctl belongs to: "net", "ipc", or "" for none."""
    first = re.search("[./]", sysctl)
    if first and first[0] == "/":  # net/ipv4/conf/eno2.100: the other way to write it
        sysctl = sysctl.translate(str.maketrans("./", "/."))
    if sysctl == "kernel.sem" or sysctl.startswith(("kernel.shm", "kernel.msg", "fs.mqueue.")):
        return "ipc"
    return "net" if sysctl.startswith("net.") else ""


# ---------------------------------------------------------------- Windows

_control = re.compile(r"[\x00-\x1f\x7f]").search
_net_bios = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}').fullmatch
_DNS = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_domain = re.compile(rf"{_DNS}(?:\.{_DNS})*").fullmatch
_not_in_user = re.compile(r'["/\\:;|=,+*?<>@\[\]]').search
_dots = re.compile(r"[. ]+").fullmatch


def _validate_windows_options(path: str, given: Object | None, errors: Errors) -> None:
    if given is None:
        return
    name = given.get("gmsaCredentialSpecName")
    if name is not None:
        errors.invalid_each(f"{path}.gmsaCredentialSpecName", name, names.dns1123_subdomain(name))
    text = given.get("gmsaCredentialSpec")
    if text is not None:
        if not text:
            errors.invalid(f"{path}.gmsaCredentialSpec", text, "gmsaCredentialSpec cannot be an empty string")
        elif len(text.encode()) > 64 * 1024:
            errors.invalid(f"{path}.gmsaCredentialSpec", text, "gmsaCredentialSpec size must be under 64 KiB")
    user = given.get("runAsUserName")
    if user is not None:
        errors.invalid_each(f"{path}.runAsUserName", user, _windows_user_problems(user))


def _windows_user_problems(text: str) -> list[str]:
    if not text:
        return ["runAsUserName cannot be an empty string"]
    if _control(text):
        return ["runAsUserName cannot contain control characters"]
    if text.count("\\") > 1:
        return ["runAsUserName cannot contain more than one backslash"]
    domain, slash, user = text.rpartition("\\")
    problems = []
    if len(domain) >= 256:
        problems.append("runAsUserName's Domain length must be under 256 characters")
    if slash and not (_net_bios(domain) or _domain(domain)):
        problems.append("runAsUserName's Domain doesn't match the NetBios nor the DNS format")
    if not user:
        problems.append("runAsUserName's User cannot be empty")
    elif len(user) > 104:
        problems.append("runAsUserName's User length must not be longer than 104 characters")
    if _dots(user):
        problems.append("runAsUserName's User cannot contain only periods or spaces")
    if _not_in_user(user):
        problems.append("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return problems


def validate_host_process(path: str, spec: Object, errors: Errors) -> None:
    """Windows containers that run on the host: all or none."""
    of_pod = spec.get("securityContext", {}).get("windowsOptions", {}).get("hostProcess")
    count = total = 0
    for at, container in all_containers(spec, path):
        total += 1
        own = container.get("securityContext", {}).get("windowsOptions", {}).get("hostProcess")
        if of_pod is not None and own is not None and of_pod != own:
            shown = "true" if of_pod else "false"
            problem = f"pod hostProcess value must be identical if both are specified, was {shown}"
            errors.invalid(f"{at}.securityContext.windowsOptions.hostProcess", own, problem)
        count += bool(of_pod if own is None else own)
    if not count:
        return
    if count != total:
        problem = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        errors.invalid(path, "", problem)
    if not spec.get("hostNetwork"):
        problem = "hostNetwork must be true if pod contains any hostProcess containers"
        errors.invalid(f"{path}.hostNetwork", False, problem)


_NOT_ON_WINDOWS = (
    "securityContext.appArmorProfile", "securityContext.seLinuxOptions", "hostUsers", "hostPID", "hostIPC",
    "securityContext.seccompProfile", "securityContext.fsGroup", "securityContext.fsGroupChangePolicy",
    "securityContext.sysctls", "shareProcessNamespace", "securityContext.runAsUser", "securityContext.runAsGroup",
    "securityContext.supplementalGroups", "securityContext.supplementalGroupsPolicy",
    "securityContext.seLinuxChangePolicy",
)  # fmt: skip
_NOT_IN_WINDOWS_CONTAINERS = (
    "appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem", "privileged",
    "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup",
)  # fmt: skip


def validate_system(path: str, spec: Object, errors: Errors) -> None:
    """`spec.os` and what the other system's pods may not have."""
    name = spec["os"].get("name", "")
    if not name:
        errors.required(f"{path}.os.name")
    elif name not in ("linux", "windows"):
        errors.not_supported(f"{path}.os", name, ["linux", "windows"])
    elif name == "linux":
        _validate_linux(path, spec, errors)
    else:
        _validate_windows(path, spec, errors)


def _validate_linux(path: str, spec: Object, errors: Errors) -> None:
    problem = "windows options cannot be set for a linux pod"
    if "windowsOptions" in spec.get("securityContext", {}):
        errors.forbidden(f"{path}.securityContext.windowsOptions", problem)
    for at, container in all_containers(spec, path):
        if "windowsOptions" in container.get("securityContext", {}):
            errors.forbidden(f"{at}.securityContext.windowsOptions", problem)


def _validate_windows(path: str, spec: Object, errors: Errors) -> None:
    context = spec.get("securityContext", {})
    for field in _NOT_ON_WINDOWS:
        name = field.removeprefix("securityContext.")
        if name in (context if name != field else spec):
            errors.forbidden(f"{path}.{field}", "cannot be set for a windows pod")
    for at, container in all_containers(spec, path):
        own = container.get("securityContext", {})
        for name in _NOT_IN_WINDOWS_CONTAINERS:
            if name in own:
                errors.forbidden(f"{at}.securityContext.{name}", "cannot be set for a windows pod")


# ---------------------------------------------------------------- old annotations


def validate_profile_annotations(path: str, spec: Object, annotations: dict[str, str], errors: Errors) -> None:
    """Annotations that were once the only way; they must be well formed."""
    for key in (SECCOMP_POD, *sorted(key for key in annotations if key.startswith(SECCOMP_CONTAINER))):
        if key in annotations:
            _seccomp_annotation(f"{path}.{key}", annotations[key], errors)
    for key in sorted(annotations):
        if not key.startswith(APPARMOR_CONTAINER):
            continue
        name, profile = key.removeprefix(APPARMOR_CONTAINER), annotations[key]
        if not any(container.get("name") == name for _, container in all_containers(spec, "")):
            errors.invalid(f"{path}[{key}]", name, "container not found")
        if profile and profile not in ("runtime/default", "unconfined") and not profile.startswith("localhost/"):
            errors.invalid(f"{path}[{key}]", profile, f'invalid AppArmor profile name: "{profile}"')


def _seccomp_annotation(path: str, profile: str, errors: Errors) -> None:
    if profile in ("runtime/default", "docker/default", "unconfined"):
        return
    if profile.startswith("localhost/"):
        descending(path, profile.removeprefix("localhost/"), errors)
    else:
        errors.invalid(path, profile, "must be a valid seccomp profile")


_ANNOTATED = {"Unconfined": ("unconfined",), "RuntimeDefault": ("runtime/default", "docker/default")}


def validate_profiles_match(spec: Object, annotations: dict[str, str], errors: Errors) -> None:
    """Where the annotation and the field are both given, they must say the same."""
    context = spec.get("securityContext", {})
    if "seccompProfile" in context and SECCOMP_POD in annotations:
        at = "spec.securityContext.seccompProfile"
        _match("seccomp", at, annotations[SECCOMP_POD], context["seccompProfile"], errors)
    for at, container in all_containers(spec, "spec"):
        profile = container.get("securityContext", {}).get("seccompProfile")
        text = annotations.get(SECCOMP_CONTAINER + container.get("name", ""))
        if profile is not None and text is not None:
            _match("seccomp", f"{at}.securityContext.seccompProfile", text, profile, errors)
    if spec.get("os", {}).get("name") == "windows":
        return
    for at, container in all_containers(spec, "spec"):
        profile = container.get("securityContext", {}).get("appArmorProfile", context.get("appArmorProfile"))
        text = annotations.get(APPARMOR_CONTAINER + container.get("name", ""))
        if profile is not None and text is not None:
            _match("apparmor", f"{at}.securityContext.appArmorProfile", text, profile, errors)


def _match(what: str, path: str, text: str, profile: Object, errors: Errors) -> None:
    kind = profile.get("type")
    if kind in _ANNOTATED:
        if text not in _ANNOTATED[kind][: 2 if what == "seccomp" else 1]:
            errors.forbidden(f"{path}.type", f"{what} type in annotation and field must match")
    elif kind == "Localhost":
        if not text.startswith("localhost/"):
            errors.forbidden(f"{path}.type", f"{what} type in annotation and field must match")
        elif text.removeprefix("localhost/") != profile.get("localhostProfile"):
            errors.forbidden(f"{path}.localhostProfile", f"{what} profile in annotation and field must match")
