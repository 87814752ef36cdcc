"""What could be libraries of their own: clock, ids, guarded loops, work queue, web, streams, pki, json patch, step bus.

Charter: nothing here knows what Kubernetes is, and nothing here imports the rest of the project. Time, randomness and
ids enter the project only through `clock` and `ids`, so that a run can be virtual in time and repeatable from a seed.
"""
