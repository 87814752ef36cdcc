"""The kubelet's own API, port 10250: logs, exec, attach, port-forward, statistics; and /healthz on 10248.

Its main client is the API server, which passes on what users ask of pods; metrics servers are the other. `server` has
the table of paths; who may use them is found by `identity` (client certificate, TokenReview) and `permission`
(SubjectAccessReview): the kubelet asks the API server back.
"""
