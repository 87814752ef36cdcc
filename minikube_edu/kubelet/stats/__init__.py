"""What containers use: the runtime's numbers, in the three shapes that others read.

`usage` collects them; `summary` is /stats/summary, `resource_metrics` is /metrics/resource (what metrics-server reads),
`cadvisor` is /metrics/cadvisor. `exposition` writes the Prometheus text format.
"""
