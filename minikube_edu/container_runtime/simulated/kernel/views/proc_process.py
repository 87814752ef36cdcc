"""/proc/PID: one process's files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.contract import Ignore
from minikube_edu.container_runtime.simulated.kernel.views.proc_system import HERTZ

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.filesystem.mounts import Mount
    from minikube_edu.container_runtime.simulated.kernel.process import KernelProcess

PAGE = 4096
# fmt: off
CAPABILITIES = [  # in the order of their numbers
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
    "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
]
# fmt: on
BITS = {name: number for number, name in enumerate(CAPABILITIES)}
STATES = {"R": "R (running)", "S": "S (sleeping)", "T": "T (stopped)", "Z": "Z (zombie)"}


def state(process: KernelProcess) -> str:
    if process.status is not None:
        return "Z"
    if process.stop_gate is not None:
        return "T"
    return "R" if process.is_busy() else "S"


def mask(capabilities: frozenset[str]) -> str:
    return f"{sum(1 << BITS[name] for name in capabilities if name in BITS):016x}"


def ticks(process: KernelProcess) -> int:
    process.container.cpu.settle()
    return int(process.cpu_used * HERTZ)


def stat(process: KernelProcess) -> str:
    started = int((process.started_at - process.container.booted_at) * HERTZ)
    terminal = 0x8800 if process.terminal is not None else 0
    foreground = process.terminal.foreground if process.terminal is not None else -1
    used = ticks(process)
    size = process.memory
    fields: list[object] = [process.pid, f"({process.name})", state(process), process.parent_pid, process.group]
    fields += [process.session, terminal, foreground, 4194304, 0, 0, 0, 0, used * 3 // 4, used - used * 3 // 4, 0, 0]
    fields += [20, 0, 1, 0, started, size * 4, size // PAGE, 18446744073709551615, *[0] * 12, 17, 0, 0, 0, *[0] * 10]
    return " ".join(map(str, fields)) + "\n"


def status(process: KernelProcess) -> str:
    user, size = process.user, process.memory // 1024
    effective, bounding = mask(process.privileges), mask(process.container.capabilities)
    rows = {
        "Name": process.name,
        "Umask": f"{process.umask:04o}",
        "State": STATES[state(process)],
        "Tgid": process.pid,
        "Ngid": 0,
        "Pid": process.pid,
        "PPid": process.parent_pid,
        "TracerPid": 0,
        "Uid": "\t".join([str(user.uid)] * 4),
        "Gid": "\t".join([str(user.gid)] * 4),
        "FDSize": 64,
        "Groups": " ".join(map(str, sorted({user.gid, *user.groups}))) + " ",
        "NStgid": process.pid,
        "NSpid": process.pid,
        "NSpgid": process.group,
        "NSsid": process.session,
    }
    if process.status is None:
        rows |= {"VmPeak": f"{size * 4:>8} kB", "VmSize": f"{size * 4:>8} kB", "VmHWM": f"{size:>8} kB"}
        rows |= {"VmRSS": f"{size:>8} kB", "RssAnon": f"{size:>8} kB", "VmSwap": f"{0:>8} kB"}
    rows |= {
        "Threads": 1,
        "SigIgn": f"{process.signals_with(Ignore):016x}",
        "SigCgt": f"{process.signals_with(None):016x}",
        "CapInh": mask(frozenset()),
        "CapPrm": effective,
        "CapEff": effective,
        "CapBnd": bounding,
        "CapAmb": mask(frozenset()),
        "NoNewPrivs": int(process.container.no_new_privileges),
        "Seccomp": 0 if process.container.privileged else 2,
        "Cpus_allowed_list": f"0-{process.container.host_cpus - 1}",
        "voluntary_ctxt_switches": 1,
        "nonvoluntary_ctxt_switches": 0,
    }
    return "".join(f"{name}:\t{value}\n" for name, value in rows.items())


def statm(process: KernelProcess) -> str:
    pages = process.memory // PAGE
    return f"{pages * 4} {pages} {pages // 2} 1 0 {pages} 0\n"


def maps(process: KernelProcess) -> str:
    if process.status is not None:
        return ""
    return (
        f"00400000-00452000 r-xp 00000000 00:32 1                                  {process.executable}\n"
        "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]\n"
    )


def limits(process: KernelProcess) -> str:
    rows = [
        ("Max cpu time", "unlimited", "unlimited", "seconds"),
        ("Max file size", "unlimited", "unlimited", "bytes"),
        ("Max data size", "unlimited", "unlimited", "bytes"),
        ("Max stack size", "8388608", "unlimited", "bytes"),
        ("Max core file size", "unlimited", "unlimited", "bytes"),
        ("Max resident set", "unlimited", "unlimited", "bytes"),
        ("Max processes", "unlimited", "unlimited", "processes"),
        ("Max open files", "1048576", "1048576", "files"),
        ("Max locked memory", "8388608", "8388608", "bytes"),
        ("Max address space", "unlimited", "unlimited", "bytes"),
    ]
    head = ("Limit", "Soft Limit", "Hard Limit", "Units")
    return "".join(f"{one:<26}{soft:<21}{hard:<21}{unit:<10}\n" for one, soft, hard, unit in [head, *rows])


def escaped(text: str) -> str:
    return text.replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011").replace("\n", "\\012")


def mounts(process: KernelProcess) -> str:
    return "".join(
        f"{escaped(one.tree.source)} {escaped(one.mountpoint)} {one.tree.type} {one.flags()} 0 0\n"
        for one in process.view.mount_list
    )


def mountinfo(process: KernelProcess) -> str:
    order: dict[Mount, int] = {mount: 500 + number for number, mount in enumerate(process.view.mount_list)}
    return "".join(
        f"{number} {order[mount.parent] if mount.parent else 400} 0:{mount.tree.device} {escaped(mount.shown_root)} "
        f"{escaped(mount.mountpoint)} {mount.flags()} - {mount.tree.type} {escaped(mount.tree.source)} "
        f"{'ro' if mount.readonly else 'rw'}\n"
        for mount, number in order.items()
    )


def joined(words: list[str]) -> str:
    return "".join(f"{word}\0" for word in words)


MAKERS: Mapping[str, Callable[[KernelProcess], str]] = {
    "attr/current": lambda process: (
        "unconfined\n" if process.container.privileged else "cri-containerd.apparmor.d (enforce)\n"
    ),
    "cgroup": lambda process: "0::/\n",
    "cmdline": lambda process: "" if process.status is not None else joined(process.argv),
    "comm": lambda process: f"{process.name}\n",
    "environ": lambda process: joined([f"{name}={value}" for name, value in process.env.items()]),
    "io": lambda process: "rchar: 0\nwchar: 0\nsyscr: 0\nsyscw: 0\nread_bytes: 0\nwrite_bytes: 0\n",
    "limits": limits,
    "loginuid": lambda process: "4294967295",
    "maps": maps,
    "mountinfo": mountinfo,
    "mounts": mounts,
    "oom_adj": lambda process: "0\n",
    "oom_score": lambda process: f"{min(1000, process.memory * 1000 // process.container.host_memory)}\n",
    "oom_score_adj": lambda process: f"{process.container.oom_score_adj}\n",
    "sessionid": lambda process: "4294967295",
    "setgroups": lambda process: "allow\n",
    "stat": stat,
    "statm": statm,
    "status": status,
    "uid_map": lambda process: "         0          0 4294967295\n",
    "gid_map": lambda process: "         0          0 4294967295\n",
    "wchan": lambda process: "0",
}
PRIVATE = frozenset({"environ", "io", "maps", "mem"})
