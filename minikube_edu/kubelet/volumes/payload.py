"""Files of configMap, secret, downwardAPI and projected volumes: path -> (content, mode).

`items` choose keys and name their files; without items every key is a file. A key that is not there is an error unless
the source is optional. Errors are `Unmountable`: the text after `MountVolume.SetUp failed for volume "x" : `.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from minikube_edu.kubelet import downward
from minikube_edu.kubelet.contract import PodAddresses

Object = dict[str, Any]
Files = dict[str, tuple[bytes, int]]

DEFAULT_MODE = 0o644


class Unmountable(Exception):
    """The volume cannot be set up now. `volume`: how messages call it, when not as the pod does."""

    def __init__(self, message: str, volume: str = "") -> None:
        super().__init__(message)
        self.volume = volume


def config_map(found: Object, items: Sequence[Object] | None, mode: int, optional: bool) -> Files:
    data = {key: value.encode() for key, value in (found.get("data") or {}).items()}
    data |= {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}
    return _chosen(data, items, mode, optional, "configmap references non-existent config key: {}")


def secret(found: Object, items: Sequence[Object] | None, mode: int, optional: bool) -> Files:
    data = {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}
    return _chosen(data, items, mode, optional, "references non-existent secret key: {}")


def downward_api(pod: Object, items: Sequence[Object], mode: int, allocatable: Mapping[str, str]) -> Files:
    made: Files = {}
    for item in items:
        try:
            if "fieldRef" in item:
                value = downward.field(pod, item["fieldRef"]["fieldPath"], PodAddresses())
            else:
                value = downward.resource(pod, None, item["resourceFieldRef"], allocatable)
        except ValueError as error:
            raise Unmountable(str(error)) from None
        made[item["path"]] = (value.encode(), _mode(item, mode))
    return made


def _chosen(
    data: Mapping[str, bytes], items: Sequence[Object] | None, mode: int, optional: bool, missing: str
) -> Files:
    if not items:
        return {key: (content, mode) for key, content in data.items()}
    made: Files = {}
    for item in items:
        if item["key"] in data:
            made[item["path"]] = (data[item["key"]], _mode(item, mode))
        elif not optional:
            raise Unmountable(missing.format(item["key"]))
    return made


def _mode(item: Object, mode: int) -> int:
    own = item.get("mode")
    return mode if own is None else int(own)
