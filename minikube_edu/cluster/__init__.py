"""The composition root: the only package that knows all seats.

`layout` is the map of paths, ports and names below MINIKUBE_EDU_HOME; `certificates` makes the cluster's PKI;
`machine` is a node's init system, `bare` the simulator's control plane, `control_plane` a cluster's life from up to
reset.
"""
