"""What is special about each kind: one module a group, with a table `STRATEGIES: dict[kind, type[Strategy]]`.

A group's module may gather its classes from modules named by the kind (pods, services, …).
"""
