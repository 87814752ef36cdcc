"""The Python module that is responsible for an API group.

`defaults/`, `validation/` and `conversion/` hold one module a group, named by the first part of the group's name
(`apps`, `batch`, `networking` …; `core` for the group without a name). They are imported when the first object of
their group is met.
"""

from __future__ import annotations


def module_name(group: str) -> str:
    return group.split(".", 1)[0] if group else "core"
