"""A running API server, with the controllers that every cluster has, for stories told by real clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs import ApiServerProgram, Program, api_server_program


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServerProgram]:
    directory: Path = tmp_path_factory.mktemp("cluster")
    with api_server_program(directory) as server:
        manager = Program(
            directory,
            "minikube_edu.kube_controller_manager",
            f"--kubeconfig={server.kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
            f"--root-ca-file={server.certificates}/ca.crt",
        )
        try:
            manager.start()
            yield server
        finally:
            manager.end()
