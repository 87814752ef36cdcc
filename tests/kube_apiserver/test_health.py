"""Health: what do the probes of a kubelet, a load balancer and a curious person see?"""

from __future__ import annotations

import pytest

from minikube_edu.kube_apiserver import health


def text(path: str, query: str = "", **checks: str) -> tuple[int, str]:
    found = health.respond({name: lambda reason=reason: reason for name, reason in checks.items()}, path, query)  # type: ignore[misc]  # a default argument binds the reason
    assert found is not None
    assert isinstance(found.body, bytes)
    return found.status, found.body.decode()


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/livez/", "/livez/etcd", "/healthz/ping"])
def test_a_well_server_says_ok(path: str) -> None:
    assert text(path) == (200, "ok")


def test_each_check_is_told_when_asked_for() -> None:
    status, told = text("/readyz", "verbose")
    assert status == 200
    assert told.startswith("[+]ping ok\n[+]log ok\n[+]etcd ok\n[+]etcd-readiness ok\n[+]informer-sync ok\n")
    assert told.endswith("[+]shutdown ok\nreadyz check passed\n")


def test_a_failure_is_told_without_its_reason() -> None:
    status, told = text("/livez", etcd="no leader")
    assert status == 500
    assert "[-]etcd failed: reason withheld\n" in told
    assert told.endswith("livez check failed\n")
    assert text("/livez/etcd", etcd="no leader") == (500, "internal server error: no leader\n")


def test_a_check_can_be_left_out() -> None:
    assert text("/livez", "exclude=etcd", etcd="no leader") == (200, "ok")
    assert "[+]etcd excluded: ok\n" in text("/livez", "verbose&exclude=etcd", etcd="no leader")[1]
    warning = 'warn: some health checks cannot be excluded: no matches for "nonsense"\n'
    assert warning in text("/livez", "verbose&exclude=nonsense")[1]


def test_a_check_that_breaks_has_failed() -> None:
    def broken() -> str | None:
        raise OSError("disk")

    found = health.respond({"etcd": broken}, "/healthz/etcd")
    assert found is not None
    assert found.body == b"internal server error: disk\n"


def test_unknown_checks_are_not_found() -> None:
    assert health.respond({}, "/healthz/nonsense") is None
    assert health.respond({}, "/livez/informer-sync") is None
