"""Files of simulated containers: trees of inodes, mounts, and the walk along a path.

    inode, layer, memory_tree, memory_file   what an image brings, shared by its containers, and what each has changed
    host_tree, host_file                     a directory of the node, mounted; nothing inside leads out of it
    device_tree, proc_*, sys_tree            /dev, /proc, /sys: made of what the kernel knows of the container
    tree                                     what they have in common
    mounts, path_walk                        a container's view: which tree is where, and what a path means

Nothing here knows processes: a `Caller` says with whose identity something is done. The kernel beside it does the rest.
"""
