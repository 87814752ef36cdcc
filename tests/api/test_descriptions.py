"""Are Kubernetes' own words found, and put together again?"""

from __future__ import annotations

import sys

from minikube_edu.api import descriptions


def test_types_and_fields_are_described() -> None:
    assert descriptions.of_type("apps.v1.DeploymentStrategy") == (
        "DeploymentStrategy describes how to replace existing pods with new ones."
    )
    words = descriptions.of_field("apps.v1.DeploymentSpec", "replicas")
    assert words.startswith("Number of desired pods. This is a pointer to distinguish between explicit zero")
    assert "\n" not in words


def test_paragraphs_are_kept_apart() -> None:
    words = descriptions.of_field("meta.v1.ObjectMeta", "creationTimestamp")
    assert "and is in UTC.\n\nPopulated by the system. Read-only. Null for lists." in words


def test_reserved_words_and_dashes_are_found_under_their_python_names() -> None:
    assert descriptions.of_field("meta.v1.ListMeta", "continue")
    assert descriptions.of_field("apiextensions.v1.JSONSchemaProps", "x-kubernetes-map-type")
    assert descriptions.of_field("core.v1.NetworkPolicyPeer", "from") == ""


def test_the_unknown_has_no_words() -> None:
    assert descriptions.of_type("example.v1.Nothing") == ""
    assert descriptions.of_field("core.v1.Pod", "nothing") == ""


def test_no_module_of_the_package_is_imported_for_it() -> None:
    descriptions.of_type("core.v1.Pod")
    assert "lightkube.models.core_v1" not in sys.modules
