"""Does a word that is no command end with the one that was meant?"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def typed(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "MINIKUBE_EDU_HOME": str(home / "home")}
    command = [sys.executable, "-m", "minikube_edu", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(("word", "meant"), [("gte", "get"), ("upp", "up"), ("nodes", "node"), ("kubectll", "kubectl")])
def test_a_mistyped_command_is_answered_with_the_one_that_was_meant(tmp_path: Path, word: str, meant: str) -> None:
    said = typed(tmp_path, word, "pods")
    assert said.returncode == 1
    assert said.stderr.startswith(
        f'error: unknown command "{word}" for "minikube-edu"\n\nDid you mean this?\n\t{meant}\n'
    )
    assert said.stdout == ""


def test_a_word_like_no_other_is_only_unknown(tmp_path: Path) -> None:
    assert typed(tmp_path, "zzzz").stderr == (
        'error: unknown command "zzzz" for "minikube-edu"\nRun `minikube-edu --help`.\n'
    )
