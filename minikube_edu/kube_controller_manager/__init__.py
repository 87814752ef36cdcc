"""The seat of kube-controller-manager: the loops that make the world be as it is specified.

Each controller is one file in `controllers/`: what it watches, and `reconcile(key)`, which looks at one object and
does what is missing. All the plumbing (informers, queue, workers, back-off, metrics, events) is in `controller`, once;
`manager` has the table of controllers and their start order. Controllers do not know each other: they meet in the API.
"""
