"""Light nodes: thousands of nodes in one process, each with the kubelet and the runtime that a machine's node has.

What is not per node is shared: the connection to the API server, the watches, the images, the services' rules, the
certificate of port 10250. A node that costs a machine of its own is a computer with three processes; a light one costs
some 100 KiB, and its pods run, log, and can be entered all the same.
"""
