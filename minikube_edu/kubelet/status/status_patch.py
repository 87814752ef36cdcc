"""The strategic merge patch from one pod or node status to another.

Lists that the API merges by a key (conditions, addresses) are sent as their changed entries, everything else whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minikube_edu.kubelet.contract import Object

KEYS: Mapping[str, str] = {"conditions": "type", "podIPs": "ip", "hostIPs": "ip"}
MAPS = frozenset(("capacity", "allocatable"))


def status_patch(old: Object, new: Object) -> Object:
    """Empty when nothing is to be changed."""
    patch: Object = {}
    for key, value in new.items():
        before = old.get(key)
        if before == value:
            continue
        if key in KEYS:
            entries = _entries(before or (), value, KEYS[key])
            if entries:
                patch[f"$setElementOrder/{key}"] = [{KEYS[key]: one[KEYS[key]]} for one in value]
                patch[key] = entries
        elif key in MAPS and isinstance(before, dict):
            patch[key] = {
                name: value.get(name) for name in before.keys() | value.keys() if before.get(name) != value.get(name)
            }
        else:
            patch[key] = value
    return patch | {key: None for key in old if key not in new and key in REMOVABLE}


REMOVABLE = frozenset(
    ("reason", "message", "podIP", "podIPs", "initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
)


def _entries(before: Sequence[Object], now: Sequence[Object], key: str) -> list[Object]:
    known = {one[key]: one for one in before}
    changed = []
    for one in now:
        old = known.pop(one[key], None)
        if old is None:
            changed.append(one)
        elif old != one:
            gone = {name: None for name in old if name not in one}
            changed.append({**one, **gone})
    return changed + [{"$patch": "delete", key: name} for name in known]
