"""The seat of etcd: every version of every key, numbered by revision; bytes in, bytes out.

Charter: this package does not know what Kubernetes is. `contract` says what a store promises; `memory` is the oracle;
`sqlite` is the engine; `socket_face` and `grpc_face` are two ways to reach it; `grpc_driver` reaches a real etcd.
"""
