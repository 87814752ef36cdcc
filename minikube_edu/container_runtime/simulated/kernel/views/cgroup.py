"""The container's cgroup, version 2, as /sys/fs/cgroup shows it from inside: what it may use, and uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from minikube_edu.container_runtime.simulated.kernel.views.table_tree import Makers, TableTree, directories

if TYPE_CHECKING:
    from minikube_edu.container_runtime.simulated.kernel.machine import Machine

PERIOD = 100_000


def cpu_max(machine: Machine) -> str:
    quota = str(round(machine.cpu_limit * PERIOD)) if machine.cpu_limit else "max"
    return f"{quota} {PERIOD}\n"


def cpu_stat(machine: Machine) -> str:
    used = round(machine.cpu_seconds() * 1e6)
    cpu = machine.cpu
    return (
        f"usage_usec {used}\nuser_usec {used * 3 // 4}\nsystem_usec {used - used * 3 // 4}\nnice_usec 0\n"
        f"nr_periods {cpu.periods}\nnr_throttled {cpu.throttled_periods}\n"
        f"throttled_usec {round(cpu.throttled_seconds * 1e6)}\nnr_bursts 0\nburst_usec 0\n"
    )


def memory_stat(machine: Machine) -> str:
    anon, shm = machine.memory.used_by_processes, machine.shm_used()
    return (
        f"anon {anon}\nfile {shm}\nkernel 0\nkernel_stack {16384 * len(machine.own)}\npagetables 0\nsock 0\n"
        f"shmem {shm}\nfile_mapped 0\nfile_dirty 0\nfile_writeback 0\nswapcached 0\ninactive_anon 0\n"
        f"active_anon {anon}\ninactive_file 0\nactive_file 0\nunevictable 0\nslab 0\npgfault 0\npgmajfault 0\n"
    )


def memory_events(machine: Machine) -> str:
    kills = machine.memory.oom_kills
    group = int(bool(kills) and machine.limits.oom_group)
    return f"low 0\nhigh 0\nmax {kills}\noom {kills}\noom_kill {kills}\noom_group_kill {group}\n"


MAKERS: Makers = {
    "cgroup.controllers": lambda machine: "cpuset cpu io memory hugetlb pids rdma misc\n",
    "cgroup.events": lambda machine: "populated 1\nfrozen 0\n",
    "cgroup.max.depth": lambda machine: "max\n",
    "cgroup.procs": lambda machine: "".join(f"{pid}\n" for pid in sorted(machine.own)),
    "cgroup.stat": lambda machine: "nr_descendants 0\nnr_dying_descendants 0\n",
    "cgroup.subtree_control": lambda machine: "",
    "cgroup.threads": lambda machine: "".join(f"{pid}\n" for pid in sorted(machine.own)),
    "cgroup.type": lambda machine: "domain\n",
    "cpu.max": cpu_max,
    "cpu.max.burst": lambda machine: "0\n",
    "cpu.stat": cpu_stat,
    "cpu.weight": lambda machine: f"{machine.limits.cpu_weight}\n",
    "cpu.weight.nice": lambda machine: "0\n",
    "cpuset.cpus": lambda machine: "\n",
    "cpuset.cpus.effective": lambda machine: f"0-{machine.host_cpus - 1}\n" if machine.host_cpus > 1 else "0\n",
    "cpuset.mems.effective": lambda machine: "0\n",
    "io.stat": lambda machine: "",
    "memory.current": lambda machine: f"{machine.memory_used()}\n",
    "memory.events": memory_events,
    "memory.high": lambda machine: "max\n",
    "memory.low": lambda machine: "0\n",
    "memory.max": lambda machine: f"{machine.memory_limit or 'max'}\n",
    "memory.min": lambda machine: "0\n",
    "memory.oom.group": lambda machine: f"{int(machine.limits.oom_group)}\n",
    "memory.peak": lambda machine: f"{machine.memory.peak}\n",
    "memory.stat": memory_stat,
    "memory.swap.current": lambda machine: "0\n",
    "memory.swap.max": lambda machine: "0\n" if machine.memory_limit else "max\n",
    "pids.current": lambda machine: f"{len(machine.own)}\n",
    "pids.max": lambda machine: f"{machine.limits.pids or 'max'}\n",
    "pids.peak": lambda machine: f"{machine.most_processes}\n",
}
SHAPE = directories(MAKERS)


def cgroup_tree(machine: Machine) -> TableTree:
    return TableTree(machine, MAKERS, SHAPE, "cgroup2", "cgroup", 27)
