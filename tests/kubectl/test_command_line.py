"""What does the command line say before any server is asked?"""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from minikube_edu.kubectl import app, command_table
from minikube_edu.kubectl.app import suggestions
from minikube_edu.kubectl.command import Command, Entry


@pytest.fixture(autouse=True)
def _nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def typed(*words: str, stdin: str = "") -> tuple[str, str, int]:
    out, err = io.StringIO(), io.StringIO()
    code = app.run(words, out, err, io.StringIO(stdin))
    return out.getvalue(), err.getvalue(), code


def every(entries: tuple[Entry, ...], path: str = "kubectl") -> list[tuple[str, Command]]:
    found = []
    for entry in entries:
        command = entry.load()
        found.append((f"{path} {entry.name}", command))
        found += every(command.subcommands, f"{path} {entry.name}")
    return found


def test_is_every_command_of_the_tables_there_with_help_and_its_own_name() -> None:
    for path, command in every(command_table.COMMANDS):
        assert path.endswith(command.name)
        assert command.run is not None or command.subcommands
        names = [flag.name for flag in command.flags]
        assert len(names) == len(set(names)), path
        out, err, code = typed(*path.split()[1:], "--help")
        assert (err, code) == ("", 0)
        assert f"Usage:\n  {path}" in out


def test_are_wrong_words_answered_with_what_was_meant() -> None:
    assert (
        typed("gett", "pods")[1] == 'error: unknown command "gett" for "kubectl"\n\nDid you mean this?\n\tset\n\tget\n'
    )
    assert suggestions("aply") == ["apply"]
    assert suggestions("helo") == []


def test_do_wrong_flags_end_with_the_next_thing_to_type() -> None:
    assert typed("get", "pods", "--bogus") == (
        "",
        "error: unknown flag: --bogus\nSee 'kubectl get --help' for usage.\n",
        1,
    )


def test_is_a_deployment_written_as_the_real_one_writes_it() -> None:
    out, err, code = typed("create", "deployment", "web", "--image=nginx:1.27", "--dry-run=client", "-o", "yaml")
    assert (err, code) == ("", 0)
    assert out.startswith("apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  labels:\n    app: web\n  name: web\n")
    assert out.endswith("      - image: nginx:1.27\n        name: nginx\n        resources: {}\nstatus: {}\n")


def test_does_json_of_generated_objects_keep_the_order_of_their_types() -> None:
    out, _, _ = typed("create", "configmap", "uni", "--from-literal=b=<&>", "--dry-run=client", "-o", "json")
    assert out.index('"kind"') < out.index('"apiVersion"') < out.index('"metadata"') < out.index('"data"')
    assert '"\\u003c\\u0026\\u003e"' in out


def test_is_a_server_that_is_not_there_told_as_by_go() -> None:
    out, err, code = typed("version", "--server=https://127.0.0.1:1")
    assert out.startswith("Client Version: v1.36")
    assert err.endswith(
        "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?\n"
    )
    assert code == 1


def test_are_kubeconfig_entries_changed_where_they_stand(tmp_path: Path) -> None:
    assert typed("config", "set-cluster", "lab", "--server=https://192.0.2.1:6443")[0] == 'Cluster "lab" set.\n'
    assert typed("config", "set-context", "dev", "--cluster=lab", "--namespace=x")[0] == 'Context "dev" created.\n'
    assert typed("config", "use-context", "dev")[0] == 'Switched to context "dev".\n'
    assert typed("config", "current-context")[0] == "dev\n"
    assert (
        typed("config", "view", "--minify", "-o", "jsonpath={.clusters[0].cluster.server}")[0]
        == "https://192.0.2.1:6443"
    )
    assert typed("config", "use-context", "none")[1] == 'error: no context exists with the name: "none"\n'


def test_do_preferences_give_aliases_and_defaults() -> None:
    typed("kuberc", "set", "--section=aliases", "--name=mk", "--command=create configmap", "--option=dry-run=client")
    assert typed("mk", "one")[0] == "configmap/one created (dry run)\n"
    typed("kuberc", "set", "--section=defaults", "--command=create configmap", "--option=output=name")
    assert typed("create", "configmap", "one", "--dry-run=client")[0] == "configmap/one\n"
    assert typed("create", "configmap", "one", "--dry-run=client", "-ojson")[0].startswith("{")
    assert typed("mk", "one")[0] == "configmap/one created (dry run)\n"  # an alias is a command of its own


def test_does_completion_know_the_subcommands() -> None:
    out, _, _ = typed("__complete", "rollout", "")
    assert out.splitlines()[0] == "history\tView rollout history"
    assert out.endswith(":4\n")
