"""Files of simulated containers: trees of inodes, mounts, and the walk along a path.

    inode, content, layer, memory_tree, memory_file   what an image brings, shared by its containers, and their changes
    host_tree, host_file      a directory of the node, mounted; nothing inside leads out of it
    device_tree               /dev
    generated_tree            files that are made when somebody reads them: what /proc and /sys are built on
    tree, open_description    what they have in common
    mounts, path_walk, permission       a container's view: which tree is where, what a path means, who may
    pace                      the hook by which reading and writing take turns

Nothing here knows processes: a `Caller` says with whose identity something is done. The kernel beside it does the rest.
"""
