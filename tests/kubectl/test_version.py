"""Is kubectl the version of its node's package, and does it warn of a server that is too far from it?"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from minikube_edu import kubectl
from minikube_edu.kubectl import app
from minikube_edu.kubectl.factory import Factory
from minikube_edu.lib import node_root, packages

FIELDS = [
    "buildDate", "compiler", "gitCommit", "gitTreeState", "gitVersion", "goVersion", "major", "minor", "platform",
]  # fmt: skip


def typed(*words: str) -> tuple[str, str, int]:
    out, err = io.StringIO(), io.StringIO()
    code = app.run(words, out, err, io.StringIO())
    return out.getvalue(), err.getvalue(), code


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """We are on a node whose package manager has installed v1.35.6."""
    monkeypatch.setenv(node_root.VARIABLE, str(tmp_path))
    packages.write(tmp_path / packages.FILE.lstrip("/"), [packages.Package("kubectl", "1.35.6-1.1")])


def server(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    async def send(*_: Any, **__: Any) -> dict[str, str]:
        major, minor, _patch = version.lstrip("v").split(".")
        return {"major": major, "minor": minor, "gitVersion": version}

    monkeypatch.setattr(Factory, "send", send)


def test_beside_a_cluster_it_is_this_projects(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(node_root.VARIABLE, raising=False)
    assert typed("version", "--client") == ("Client Version: v1.36.3\nKustomize Version: v5.8.1\n", "", 0)


def test_on_a_node_where_nothing_was_installed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(node_root.VARIABLE, str(tmp_path))
    assert kubectl.version() == "v1.36.3"


@pytest.mark.usefixtures("old")
def test_on_a_node_it_is_its_packages() -> None:
    assert typed("version", "--client")[0].startswith("Client Version: v1.35.6\n")
    for form in ("yaml", "json"):
        told = yaml.safe_load(typed("version", "--client", "-o", form)[0])["clientVersion"]
        assert sorted(told) == FIELDS
        assert (told["major"], told["minor"], told["gitVersion"]) == ("1", "35", "v1.35.6")


@pytest.mark.usefixtures("old")
@pytest.mark.parametrize(
    ("version", "warning"),
    [
        ("v1.36.3", ""),
        ("v1.34.0", ""),
        (
            "v1.37.0",
            "WARNING: version difference between client (1.35) and server (1.37) exceeds the supported minor version "
            "skew of +/-1\n",
        ),
        (
            "v1.33.1",
            "WARNING: version difference between client (1.35) and server (1.33) exceeds the supported minor version "
            "skew of +/-1\n",
        ),
    ],
)
def test_is_a_server_too_far_away_warned_of(version: str, warning: str, monkeypatch: pytest.MonkeyPatch) -> None:
    server(monkeypatch, version)
    out, err, code = typed("version")
    assert out.endswith(f"Server Version: {version}\n")
    assert (err, code) == (warning, 0)
