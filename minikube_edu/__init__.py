"""minikube_edu: the Kubernetes that pip installs.

The map (each folder is a box of the architecture diagram, or what the boxes stand on):

    cli.py, __main__.py          the command line; every heavy import is lazy
    cluster/                     composition root: nodes, their machines, paths, ports, the shell
    kubeadm/, kubectl/           the two tools of a course
    kube_apiserver/              the gatekeeper: pipeline, registry, watch cache, discovery
    kube_scheduler/              schedule_one() on one screen; queue, framework, plugins
    kube_controller_manager/     the loops, one a file
    cloud_controller_manager/    a cloud on this host
    kubelet/                     sync loop, static pods, probes, volumes, its server
    kube_proxy/, coredns/        services' addresses and names
    container_runtime/           cri (the protocol), simulated (images, files, shell, programs), crictl
    cni/                         the pods' network
    etcd/                        the store: revisions on SQLite; bytes in, bytes out
    client/                      client-go's part: transports, informers, leader election, events
    api/                         what an object is: kinds, schema, defaults, validation, patches; no I/O
    lib/                         knows nothing of Kubernetes: clock, ids, loops, web, streams, pki, steps

Importing this package costs nothing: it imports nothing.
"""

__version__ = "0.1.0"
