"""How programs talk to the machine that they run on: the init system of a node (cluster/machine is the other end)."""
