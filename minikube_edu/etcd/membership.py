"""Who a member is: ids that come from its peer URLs and the cluster's token, as etcd makes them, and stay its data's.

They are written beside the data when it is made, and so a restored snapshot is another member of another cluster: those
who knew the old one must not take it for that.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from minikube_edu.etcd.limits import ETCD_VERSION
from minikube_edu.lib.version import VARIABLE

FILE = os.path.join("member", "ids")


def ids(peer_urls: Sequence[str], token: str) -> tuple[int, int]:
    """(member, cluster) of a cluster of one."""
    import hashlib

    member = hashlib.sha1("".join([*sorted(peer_urls), token]).encode(), usedforsecurity=False).digest()[:8]
    cluster = hashlib.sha1(member, usedforsecurity=False).digest()[:8]
    return int.from_bytes(member), int.from_bytes(cluster)


def settled(data_dir: str, peer_urls: Sequence[str], token: str) -> tuple[int, int]:
    """What the data directory says; where it says nothing, what the flags come to, which is written down."""
    path = os.path.join(data_dir, FILE)
    try:
        with open(path, encoding="ascii") as file:
            member, cluster = (int(word, 16) for word in file.read().split())
            return member, cluster
    except (OSError, ValueError):
        found = ids(peer_urls, token)
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{found[0]:x} {found[1]:x}\n")
    return found


def program_version() -> str:
    """Of the image that this etcd was started from: 3.6.8-0 is 3.6.8."""
    found = re.match(r"[0-9]+\.[0-9]+\.[0-9]+", os.environ.get(VARIABLE, ""))
    return found[0] if found else ETCD_VERSION
