"""kube-scheduler's seat: for each pod without a node, the best node.

A pod's way: the informers see it (`event_handlers`), it waits in the `scheduling_queue`, `schedule_one` takes it: the
plugins of its `profile` filter and score the nodes of the `cluster`, the pod is assumed to run on the best of them, and
`binding` tells the API server while the next pod is already looked at. A pod that fits nowhere goes back to the queue
with the reasons (`failure`), after `plugins/default_preemption` has tried to make room.

What a plugin is, `framework` says; the plugins are in `plugins/`, one a file. Everything runs on one event loop; a
scheduling cycle without extenders never awaits, so that it sees one state of the cluster and may even change it for a
moment to ask "what if".

It speaks to the API server alone, so that the real kube-scheduler can take its seat, and it the real one's.
"""
