"""The commands of the simulated containers that speak to the network.

They use a process's namespace and resolver alone (`process.network`, `process.resolve`): what they can reach is what
the cluster's fabric carries, and never this host's network.
"""
