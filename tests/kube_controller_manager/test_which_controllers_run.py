"""--controllers: who runs."""

from __future__ import annotations

from importlib import import_module

import pytest

from minikube_edu.kube_controller_manager.controller import Controller
from minikube_edu.kube_controller_manager.manager import TABLE, chosen
from minikube_edu.kube_controller_manager.names import ALIASES, LEFT_OUT


@pytest.mark.parametrize("name", TABLE)
def test_every_name_stands_for_the_controller_that_has_it(name: str) -> None:
    module = import_module(f"minikube_edu.kube_controller_manager.controllers.{TABLE[name]}")
    assert issubclass(module.CONTROLLER, Controller)
    assert module.CONTROLLER.name == name


def test_what_kubeadm_writes() -> None:
    assert chosen(["*", "bootstrapsigner", "tokencleaner"]) == list(TABLE)


def test_all_but_one_by_either_name() -> None:
    assert set(TABLE) - set(chosen(["*", "-job"])) == {"job-controller"}
    assert set(TABLE) - set(chosen(["*", "-job-controller"])) == {"job-controller"}


def test_only_those_that_are_named() -> None:
    assert chosen(["namespace", "ttl-controller"]) == ["namespace-controller", "ttl-controller"]


def test_a_name_that_nobody_knows() -> None:
    with pytest.raises(ValueError, match='"pizza" is not in the list of known controllers'):
        chosen(["*", "-pizza"])


def test_short_names_stand_for_what_there_is_or_was_left_out() -> None:
    assert set(ALIASES.values()) <= set(TABLE) | set(LEFT_OUT)
