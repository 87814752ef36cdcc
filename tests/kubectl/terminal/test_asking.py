"""What kubectl does with a person in front of it: editors, questions, colours and progress; and the shell that it is
typed in, with completion."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.booted import Booted
from tests.kubectl.terminal.conftest import Typed
from tests.kubectl.terminal.screen import Screen

pytestmark = pytest.mark.slow
Editor = Callable[[str], str]


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    """An EDITOR that runs this shell script on the file `$1`; `$n` counts how often it was opened."""

    def made(script: str) -> str:
        path = tmp_path / "editor"
        counting = f'echo x >> {tmp_path}/count\nn=$(wc -l < {tmp_path}/count | tr -d " ")\n'
        path.write_text(f"#!/bin/sh\n{counting}{script}\n")
        path.chmod(0o755)
        return str(path)

    return made


def _colour(cluster: Booted) -> str:
    return str(cluster.get("/api/v1/namespaces/default/configmaps/settings")["data"]["colour"])


def test_is_an_edited_object_changed(typed: Typed, cluster: Booted, editor: Editor) -> None:
    wanted = "blue" if _colour(cluster) != "blue" else "red"
    screen = typed("edit", "cm", "settings", EDITOR=editor(f'sed -i.old "s/colour: .*/colour: {wanted}/" "$1"'))
    screen.expect("configmap/settings edited")
    assert screen.ends() == 0
    assert _colour(cluster) == wanted
    assert screen.restored


def test_is_nothing_done_when_nothing_was_edited(typed: Typed, editor: Editor) -> None:
    screen = typed("edit", "cm", "settings", EDITOR=editor("true"))
    screen.expect("Edit cancelled, no changes made.")
    assert screen.ends() == 0


def test_is_a_file_that_makes_no_sense_opened_again(typed: Typed, cluster: Booted, editor: Editor) -> None:
    wanted = "green" if _colour(cluster) != "green" else "grey"
    script = f"""
    if [ $n = 1 ]; then echo "  : [ not yaml" >> "$1"
    else sed -i.old -e '/not yaml/d' -e 's/colour: .*/colour: {wanted}/' "$1"; fi"""
    screen = typed("edit", "cm", "settings", EDITOR=editor(script))
    screen.expect("configmap/settings edited")
    assert screen.ends() == 0
    assert _colour(cluster) == wanted


def test_is_somebody_elses_change_kept(typed: Typed, cluster: Booted, editor: Editor, tmp_path: Path) -> None:
    """While the editor is open another client adds a key: both changes are there in the end."""
    python = f"{sys.executable} -m minikube_edu.kubectl --kubeconfig {cluster.layout.kubeconfig}"
    script = f"""
    {python} patch cm settings -p '{{"data":{{"shape":"round-'$$'"}}}}' >/dev/null
    echo round-$$ > {tmp_path}/shape
    sed -i.old "s/colour: .*/colour: violet-$$/" "$1\""""
    screen = typed("edit", "cm", "settings", EDITOR=editor(script))
    screen.expect("configmap/settings edited")
    assert screen.ends() == 0
    data = cluster.get("/api/v1/namespaces/default/configmaps/settings")["data"]
    assert data["colour"].startswith("violet-")
    assert data["shape"] == (tmp_path / "shape").read_text().strip()


@pytest.mark.skipif(shutil.which("vi") is None, reason="there is no vi here")
def test_does_an_editor_of_the_whole_screen_have_the_terminal(typed: Typed, cluster: Booted) -> None:
    wanted = "cyan" if _colour(cluster) != "cyan" else "pink"
    screen = typed("edit", "cm", "settings", EDITOR="vi")
    screen.expect("Please edit the object")
    screen.type(f":%s/colour: .*/colour: {wanted}/\r:wq\r")
    screen.expect("configmap/settings edited")
    assert screen.ends() == 0
    assert _colour(cluster) == wanted
    assert screen.restored


def test_is_deletion_asked_for_first(typed: Typed, cluster: Booted) -> None:
    screen = typed("delete", "cm", "settings", "--interactive")
    screen.expect(r"Do you want to continue\? \(y/N\): ")
    screen.type("n\r")
    screen.expect("deletion is cancelled")
    screen.ends()
    assert _colour(cluster)
    assert screen.restored


def test_is_there_colour_only_where_it_is_asked_for(typed: Typed) -> None:
    plain, coloured = typed("get", "pods"), typed("get", "pods", "--color")
    for screen in (plain, coloured):
        screen.expect("Running")
        assert screen.ends() == 0
    assert "\x1b[" not in plain.seen
    assert "\x1b[" in coloured.seen


@pytest.fixture
def shell(cluster: Booted, tmp_path: Path) -> Screen:
    if shutil.which("bash") is None:
        pytest.skip("there is no bash here")
    environment = {**cluster.environment, "SHELL": shutil.which("bash") or "", "HOME": str(tmp_path)}
    return Screen([sys.executable, "-m", "minikube_edu", "shell"], environment, columns=200)


def test_does_the_shell_complete_with_live_names(shell: Screen, cluster: Booted) -> None:
    with shell:
        shell.expect(r"[\w-]+@control-plane:.*[#$] $")
        shell.type("kubectl get pods we\t")
        shell.expect("kubectl get pods web ")
        shell.type("-o name\r")
        shell.expect(r"\rpod/web\s")
        shell.type("alias k=kubectl; complete -o default -F __start_kubectl k\r")
        shell.expect(r"[#$] $")
        shell.type("k get cm sett\t")
        shell.expect("k get cm settings ")
        shell.type("-o name\r")
        shell.expect(r"\rconfigmap/settings\s")
        shell.type("exit 4\r")
        assert shell.ends() == 4
        assert shell.restored
