"""Is a kuberc file read as the real kubectl reads it: both versions, aliases, defaults, what is wrong with it?"""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from minikube_edu.kubectl import app

ALIASES = """
apiVersion: kubectl.config.k8s.io/v1beta1
kind: Preference
aliases:
- name: mk
  command: create configmap
  prependArgs: [one]
  appendArgs: [--from-literal=a=b]
  options:
  - {name: dry-run, default: client}
  - {name: output, default: name}
defaults:
- command: create secret generic
  options: [{name: dry-run, default: client}]
"""
OLD = ALIASES.replace("v1beta1", "v1alpha1").replace("options:", "flags:").replace("defaults:", "overrides:")
REFUSED = "error occurred while applying preferences "


@pytest.fixture
def kuberc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("KUBERC", "KUBECTL_KUBERC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".kube").mkdir()
    return tmp_path / ".kube" / "kuberc"


def typed(*words: str) -> tuple[str, str, int]:
    out, err = io.StringIO(), io.StringIO()
    code = app.run(words, out, err, io.StringIO())
    return out.getvalue(), err.getvalue(), code


@pytest.mark.parametrize("text", [ALIASES, OLD], ids=["v1beta1", "v1alpha1"])
def test_does_an_alias_stand_for_command_arguments_and_options(kuberc: Path, text: str) -> None:
    kuberc.write_text(text)
    assert typed("mk")[0] == "configmap/one\n"
    assert '"a": "b"' in typed("mk", "-ojson")[0]
    assert typed("mk", "--dry-run=wrong")[2] == 1
    assert typed("create", "secret", "generic", "s")[0] == "secret/s created (dry run)\n"


def test_where_may_the_file_be(kuberc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "mine"
    other.write_text(ALIASES)
    assert typed("mk", f"--kuberc={other}")[0] == "configmap/one\n"
    assert typed("mk", "--kuberc", str(other))[0] == "configmap/one\n"
    monkeypatch.setenv("KUBERC", str(other))
    assert typed("mk")[0] == "configmap/one\n"
    monkeypatch.setenv("KUBERC", "off")
    kuberc.write_text(ALIASES)
    assert 'unknown command "mk"' in typed("mk")[1]
    assert typed("options", f"--kuberc={other}")[1].startswith(f"{REFUSED}kuberc error disabling kuberc via KUBERC=off")


def test_is_a_missing_file_told_only_if_it_was_asked_for(kuberc: Path) -> None:
    assert typed("version", "--client")[1:] == ("", 0)
    told = typed("version", "--client", "--kuberc=/nowhere/kuberc")
    assert told[1:] == (f"{REFUSED}kuberc error kuberc: open /nowhere/kuberc: no such file or directory\n", 1)


@pytest.mark.parametrize(
    ("text", "words", "told"),
    [
        (ALIASES.replace("mk", "m-k"), "options", "invalid alias name, can only include alphabetical characters"),
        (ALIASES.replace("name: dry-run", "name: --dry-run"), "options", "flag name --dry-run should be in long form"),
        (ALIASES.replace("name: output", "name: bogus"), "mk", "invalid alias flag bogus in alias kubectl"),
        (ALIASES.replace("create configmap", "bogus"), "mk", 'command "bogus" not found to set alias "mk": [bogus]'),
        (ALIASES.replace("create secret generic", "mk"), "mk", "alias mk can not be overridden"),
        (ALIASES.replace("name: dry-run, default: client}]", "name: bogus, default: client}]"), 
         "create secret generic s", "invalid flag bogus for command create secret generic"),
    ],
)  # fmt: skip
def test_what_is_refused(kuberc: Path, text: str, words: str, told: str) -> None:
    kuberc.write_text(text)
    _, err, code = typed(*words.split())
    assert err.startswith(REFUSED + told)
    assert code == 1


def test_what_is_warned_of(kuberc: Path) -> None:
    kuberc.write_text(
        ALIASES.replace("create secret generic", "bogus").replace("command: create", "colour: red\n  command: create")
    )
    out, err, code = typed("mk")
    assert (out, code) == ("configmap/one\n", 0)
    assert (
        f'kuberc: ignoring strict decoding error in {kuberc}: strict decoding error: unknown field "aliases[0].colour"'
        in err
    )
    assert 'Warning: command "bogus" not found to set kuberc override\n' in err
    kuberc.write_text("kind: Other\n")
    assert typed("version", "--client")[1].startswith(
        f"kuberc: no preferences loaded from {kuberc}: no valid preferences"
    )
