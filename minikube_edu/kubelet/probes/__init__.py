"""Probes: is this container started, alive, ready?

`checks` asks once, in one of four ways; `grpc_health` is the fourth's protocol; `prober` asks again and again, counts,
and tells those who listen when its opinion changes.
"""
