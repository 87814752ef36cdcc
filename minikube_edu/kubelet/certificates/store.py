"""Certificates on disk: `PREFIX-DATE.pem` with certificate and key in one file, and the link `PREFIX-current.pem`."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from minikube_edu.lib import clock, ids, pki


class CertificateStore(Struct, frozen=True):
    directory: Path
    prefix: str  # kubelet-client, kubelet-server

    @property
    def current(self) -> Path:
        return self.directory / f"{self.prefix}-current.pem"

    def load(self) -> pki.Pair | None:
        try:
            text = self.current.read_bytes()
        except OSError:
            return None
        return pki.Pair(text, text) if b"CERTIFICATE" in text and b"PRIVATE KEY" in text else None

    def save(self, pair: pki.Pair) -> None:
        """The link changes at once: who reads it sees the old pair or the new one."""
        self.directory.mkdir(parents=True, exist_ok=True)
        stamp = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%d-%H-%M-%S")
        path = self.directory / f"{self.prefix}-{stamp}.pem"
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pair.certificate + pair.key)
        link = self.current.with_suffix(".new")
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(path.name)
        link.rename(self.current)


def lifetime(certificate: bytes) -> tuple[float, float]:
    """Valid from and until, seconds since the epoch."""
    from cryptography import x509

    found = x509.load_pem_x509_certificate(certificate)
    return found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp()


def renewal_time(certificate: bytes) -> float:
    """When to ask for the next one: after 70 to 90 % of its life, so that not all nodes come at once."""
    begin, end = lifetime(certificate)
    return begin + (end - begin) * ids.uniform(0.7, 0.9)
