"""Volumes: directories on the node that containers see.

Each kind is laid out in `var/lib/kubelet/pods/UID/volumes/PLUGIN/NAME` of the node's directory, as on a real node, or
names a directory that is there already (hostPath, persistent volumes). `volumes` is the whole of it: mount, bring up to
date, unmount. Nothing here knows containers; the runtime gets host paths.

There are no mounts of a kernel here: a volume that a real kubelet would bind-mount is a symbolic link in that place,
and `emptyDir` in memory is a directory like the other.
"""
