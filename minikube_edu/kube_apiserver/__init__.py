"""The seat of kube-apiserver: the gatekeeper, and the only client of etcd.

A request's way, each station a module: `server` (the pipeline on one screen), `authn`, `authz`, `request_info` (what
is asked of whom), `admission`, `registry` (create, get, list, watch, update, patch, delete of any kind),
`watch_cache`, the store.
"""
