"""The composition root: the only package that knows all seats.

`layout` is the map of paths, ports and names below MINIKUBE_EDU_HOME; `certificates` makes the cluster's PKI;
`processes` starts seats as programs, finds them again and ends them; `control_plane` is the boot order, one line a
seat.
"""
