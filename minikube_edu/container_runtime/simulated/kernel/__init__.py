"""The simulated kernel: processes as cooperative tasks, pipes, terminals, signals, power and memory by account.

    machine            a container's world: what the runtime makes, starts, looks into and kills
    process            the system calls of one program (`contract.Process`)
    process_table      who runs in a process namespace; orphans, groups, the end of process 1
    scheduler          whose turn it is; the account of processor time, throttling
    memory             pretended memory and the OOM killer
    signals, pipe, terminal, sink             how programs are told things, and speak
    executable, software                      files that are programs
    name_resolution                           names to addresses, as libc does it

Programs are written against `contract` alone; the runtime uses `machine`, `sink`, `terminal`, `pipe`.
"""
