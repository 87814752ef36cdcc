"""What programs read of their machine: /proc, /sys, and the container's cgroup, made of what the kernel knows.

Nothing in here shows anything of the host: processors, memory and uptime are the simulated machine's.

    proc_tree, proc_process, proc_system, proc_network      /proc
    sys_tree                                                /sys
    cgroup                                                  /sys/fs/cgroup
"""
