"""The simulated kernel: processes as cooperative tasks, pipes, terminals, signals, power and memory by account.

    machine, limits    a container's world: what the runtime makes, starts, looks into and kills
    container_files    its files put together; what the kubelet mounts
    process            the system calls of one program (`contract.Process`)
    process_table      who runs in a process namespace; orphans, groups, the end of process 1
    scheduler, cpu     whose turn it is; the account of processor time, throttling
    memory             pretended memory and the OOM killer
    signals, pipe, fifo, terminal, sink, connection_file        how programs are told things, and speak
    executable, program_lookup, software                        files that are programs
    name_resolution    names to addresses, as libc does it
    views/             /proc, /sys, cgroups

Programs are written against `contract` alone; the runtime uses `machine`, `sink`, `terminal`, `pipe`.
"""
