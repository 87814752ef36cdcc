"""/proc's files about the machine as a whole: the simulated node's processors and memory, never the host's."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.kernel.views.proc_network import MAKERS as NETWORK
from minikube_edu.container_runtime.simulated.kernel.views.table_tree import Makers, directories
from minikube_edu.lib import clock

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine

RELEASE = "6.8.0-minikube-edu"
VERSION = "#1 SMP PREEMPT_DYNAMIC"
HERTZ = 100
FLAGS = (
    "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse sse2 ht syscall nx"
)


def uptime_of(machine: Machine) -> float:
    return max(clock.now() - machine.booted_at, 0.0)


def cpuinfo(machine: Machine) -> str:
    return "".join(
        f"processor\t: {number}\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\n"
        f"model name\t: minikube-edu virtual CPU\nstepping\t: 7\ncpu MHz\t\t: 2500.000\ncache size\t: 36608 KB\n"
        f"physical id\t: 0\nsiblings\t: {machine.host_cpus}\ncore id\t\t: {number}\n"
        f"cpu cores\t: {machine.host_cpus}\nfpu\t\t: yes\nflags\t\t: {FLAGS}\nbogomips\t: 5000.00\n\n"
        for number in range(machine.host_cpus)
    )


def meminfo(machine: Machine) -> str:
    total = machine.host_memory // 1024
    used = min(total, total // 5 + machine.memory_used() // 1024)
    cached = min(total - used, total // 4)
    rows = {
        "MemTotal": total,
        "MemFree": total - used - cached,
        "MemAvailable": total - used,
        "Buffers": cached // 10,
        "Cached": cached - cached // 10,
        "SwapCached": 0,
        "Active": used,
        "Inactive": cached,
        "SwapTotal": 0,
        "SwapFree": 0,
        "Dirty": 0,
        "AnonPages": used,
        "Mapped": used // 8,
        "Shmem": machine.shm_used() // 1024,
        "Slab": total // 50,
        "SReclaimable": total // 80,
    }
    return "".join(f"{name + ':':<16}{value:>8} kB\n" for name, value in rows.items())


def loadavg(machine: Machine) -> str:
    load = machine.cpu.rate()
    running = len(machine.cpu.pretenders)
    return f"{load:.2f} {load * 0.8:.2f} {load * 0.5:.2f} {running + 1}/{len(machine.own)} {machine.table.last_pid}\n"


def uptime(machine: Machine) -> str:
    up = uptime_of(machine)
    return f"{up:.2f} {up * machine.host_cpus * 0.9:.2f}\n"


def stat(machine: Machine) -> str:
    up = uptime_of(machine) * HERTZ
    used = machine.cpu_seconds() * HERTZ
    count = machine.host_cpus

    def line(name: str, share: float) -> str:
        user = up * 0.05 * share + used * share / count
        return f"{name} {int(user)} 0 {int(up * 0.02 * share)} {int(up * 0.93 * share)} 0 0 0 0 0 0\n"

    lines = [line("cpu ", count), *(line(f"cpu{number}", 1.0) for number in range(count))]
    return (
        "".join(lines) + f"intr 0\nctxt 0\nbtime {int(machine.booted_at)}\nprocesses {machine.table.last_pid}\n"
        f"procs_running {len(machine.cpu.pretenders) + 1}\nprocs_blocked 0\n"
    )


def boot_id(machine: Machine) -> str:
    text = f"{zlib.crc32(str(machine.booted_at).encode()):08x}"
    return f"{text}-{text[:4]}-4{text[1:4]}-8{text[2:5]}-{text}{text[:4]}\n"


MAKERS: Makers = {
    **{f"net/{name}": maker for name, maker in NETWORK.items()},
    "cmdline": lambda machine: "BOOT_IMAGE=/boot/vmlinuz root=/dev/vda1 ro console=ttyS0\n",
    "cpuinfo": cpuinfo,
    "devices": lambda machine: "Character devices:\n  1 mem\n  5 /dev/tty\n136 pts\n\nBlock devices:\n253 virtblk\n",
    "diskstats": lambda machine: " 253       0 vda 0 0 0 0 0 0 0 0 0 0 0\n",
    "filesystems": lambda machine: (
        "".join(f"nodev\t{name}\n" for name in ("sysfs", "tmpfs", "proc", "cgroup2", "devpts", "overlay", "mqueue"))
        + "\text4\n"
    ),
    "loadavg": loadavg,
    "meminfo": meminfo,
    "modules": lambda machine: "",
    "partitions": lambda machine: (
        "major minor  #blocks  name\n\n 253        0  104857600 vda\n 253        1  104856559 vda1\n"
    ),
    "stat": stat,
    "swaps": lambda machine: "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
    "sys/fs/file-max": lambda machine: "9223372036854775807\n",
    "sys/fs/inotify/max_user_watches": lambda machine: "65536\n",
    "sys/kernel/cap_last_cap": lambda machine: "40\n",
    "sys/kernel/hostname": lambda machine: f"{machine.hostname}\n",
    "sys/kernel/domainname": lambda machine: "(none)\n",
    "sys/kernel/osrelease": lambda machine: f"{RELEASE}\n",
    "sys/kernel/ostype": lambda machine: "Linux\n",
    "sys/kernel/pid_max": lambda machine: "4194304\n",
    "sys/kernel/random/boot_id": boot_id,
    "sys/kernel/random/entropy_avail": lambda machine: "256\n",
    "sys/kernel/shmmax": lambda machine: "18446744073692774399\n",
    "sys/kernel/threads-max": lambda machine: "63000\n",
    "sys/kernel/version": lambda machine: f"{VERSION}\n",
    "sys/net/core/somaxconn": lambda machine: "4096\n",
    "sys/net/ipv4/ip_forward": lambda machine: "1\n",
    "sys/net/ipv4/ip_local_port_range": lambda machine: "32768\t60999\n",
    "sys/net/ipv4/ip_unprivileged_port_start": lambda machine: "0\n",
    "sys/net/ipv4/tcp_keepalive_time": lambda machine: "7200\n",
    "sys/net/ipv4/tcp_syncookies": lambda machine: "1\n",
    "sys/vm/max_map_count": lambda machine: "65530\n",
    "sys/vm/overcommit_memory": lambda machine: "0\n",
    "sys/vm/swappiness": lambda machine: "60\n",
    "uptime": uptime,
    "version": lambda machine: f"Linux version {RELEASE} (builder@minikube-edu) (gcc 13.2.0) {VERSION}\n",
    "vmstat": lambda machine: "nr_free_pages 0\npgfault 0\noom_kill 0\n",
}
SHAPE = directories(MAKERS)
