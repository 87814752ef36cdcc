"""The commands of the simulated containers: coreutils, grep, sed, awk, find, tar, ps, vi and their kin.

Every command is a `Program` of the contract (`async def cat(process) -> int`) that uses system calls alone, streams,
and breathes in its loops. `tables/` says which module has which command; a module is imported when its command first
runs. Busybox images and GNU images word their errors differently: `arguments.is_busybox` tells which one this is.
"""
