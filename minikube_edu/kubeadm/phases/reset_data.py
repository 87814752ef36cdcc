"""What the phases of `reset` share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from minikube_edu.kubeadm.command import Call
from minikube_edu.kubeadm.constants import PKI

if TYPE_CHECKING:
    from minikube_edu.kubeadm.config.configuration import Configuration
    from minikube_edu.kubeadm.contract import Host


class ResetData(Struct):
    call: Call
    ignored: frozenset[str] = frozenset()
    dry_run: bool = False
    force: bool = False
    clean_temporary: bool = False
    certificates: str = PKI
    socket: str = ""
    configuration: Configuration | None = None  # the cluster's, where it could be asked
    directories: list[str] = field(default_factory=list)  # to be emptied, found by earlier phases

    @property
    def host(self) -> Host:
        return self.call.host

    def say(self, text: str) -> None:
        self.call.say(text)
