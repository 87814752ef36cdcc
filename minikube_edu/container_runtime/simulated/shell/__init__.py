"""The shell of the simulated containers: sh, ash, dash and bash over the system calls of `contract.py`.

A script goes through three rooms: reading (`scanner`, `quoting`, `grammar` make the tree of `syntax`), expansion
(`expansion`, `parameters`, `arithmetic`, `patterns` make words into arguments) and running (`running`, `simple`,
`pipelines`, `jobs`, `traps`, and the commands in `builtin/`). `dialect` knows in which ways busybox's ash, Debian's
dash and bash differ, and their error texts. `start.main` is the program. Nothing here touches the host.
"""
