"""The seat of etcd: every version of every key, numbered by revision; bytes in, bytes out.

Charter: this package does not know what Kubernetes is. `contract` says what a store promises; `memory` is the oracle;
`sqlite` is the engine; `socket_face` and `grpc_face` are two ways to reach it; `grpc_driver` reaches a real etcd.

A write's way: `requests` (does it make sense?), `sqlite` (the group of this turn), `engine` (compare, read, write) on
`index` and `keys` (what is newest, in memory) and `table` (the file), one commit, `hub` (who is told), the caller.
Beside it: `lease` (what ends by itself), `compact` (what is forgotten), `snapshot`, `delegation` (who is the
only writer).
"""
