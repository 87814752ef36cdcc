"""client-go's part: everything between a control loop and the API server.

From below: `transport` (socket or in process) < `sending` (credentials, retries, limits) < `rest` (verbs) < `reflector`
(list and watch) < `informer` and `index` (a copy to read) < `factory` (one copy for all). Beside them `kubeconfig` and
`credentials`, `discovery`, `leader` and `events`. Nothing here knows a kind of object: all are plain dicts.
"""
