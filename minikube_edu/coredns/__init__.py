"""CoreDNS: gives the cluster's services and pods their names.

A Corefile (`corefile`) says which plugins serve which zones; a question goes down the chain of its zone (`chain`) until
one plugin answers. What the cluster's names mean is `kubernetes`, over copies of Services and EndpointSlices
(`cluster_view`). It runs as a simulated program in its pods (`program`), and talks to the API with the token that is
mounted there.
"""
