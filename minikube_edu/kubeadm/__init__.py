"""kubeadm: makes a machine a node, and the first node a cluster.

A client, not a seat: it writes files below its host's root (`contract.Host`), starts the kubelet there, and talks to
the API server like anybody else. `app.main(argv, host)` is the program. Commands stand in `commands/`, one a file; the
phases of `init` and `join` in `phases/`, one a file, run from tables (`phases/workflow.py`); what a configuration file
may say in `config/`. Long texts and manifests are data, in `facts/`.
"""
