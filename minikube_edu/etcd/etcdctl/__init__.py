"""etcdctl's verbs over any Store: what a course types to look into the store of a cluster.

One verb (or group of verbs) a module, one output form a module in `forms/`; command_line.py joins them. Verbs, flags,
output, messages and exit codes are those of etcdctl 3.6. Nothing here opens a network connection: the caller hands over
the endpoints and a function that dials one (balancer.py). No Typer here: the parser is words.py.

Not there, since a store of one member without users has no use for it: user, role, auth, lock, elect, move-leader,
downgrade, check, make-mirror, changes of members, and the output form protobuf.
"""
