"""Linux capabilities of a container: the runtime's default set, what the pod adds and drops."""

from __future__ import annotations

from collections.abc import Iterable

from minikube_edu.container_runtime.cri import SecurityContext
from minikube_edu.container_runtime.simulated.filesystem.permission import ALL as DEFAULT

_NAMES = """
AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER
FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE
NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE
SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM
"""
EVERY = frozenset(f"CAP_{name}" for name in _NAMES.split())


def _names(words: Iterable[str]) -> frozenset[str]:
    found = {word.upper() if word.upper().startswith("CAP_") else f"CAP_{word.upper()}" for word in words}
    return EVERY if "CAP_ALL" in found else frozenset(found) & EVERY


def capabilities(security: SecurityContext) -> frozenset[str]:
    if security.privileged:
        return EVERY
    if not security.add_capabilities and not security.drop_capabilities:
        return DEFAULT
    dropped = DEFAULT - _names(security.drop_capabilities)
    return dropped | _names(security.add_capabilities)
