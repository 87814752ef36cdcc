"""Does each client get the form that it prefers, and the real server's refusal when there is none?"""

from __future__ import annotations

import pytest

from minikube_edu.api.errors import NotAcceptable, UnsupportedMediaType
from minikube_edu.api.wire import negotiation
from minikube_edu.api.wire.negotiation import JSON, PROTOBUF, YAML, Form

KUBECTL = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@pytest.mark.parametrize(
    ("header", "media_type", "kind"),
    [
        ("", JSON, ""),
        ("*/*", JSON, ""),
        ("application/*", JSON, ""),
        ("text/html, application/json;q=0.5", JSON, ""),
        ("application/json;q=0.1, application/yaml", YAML, ""),
        (PROTOBUF + ",application/json", PROTOBUF, ""),
        ("*/*, application/yaml", YAML, ""),
        (KUBECTL, JSON, "Table"),
        ("application/json;as=Table;v=v9;g=meta.k8s.io,application/json", JSON, ""),
        (PROTOBUF + ";as=Table;v=v1;g=meta.k8s.io,application/json", JSON, ""),
        (PROTOBUF + ";as=PartialObjectMetadata;v=v1;g=meta.k8s.io", PROTOBUF, "PartialObjectMetadata"),
    ],
)
def test_the_preferred_form_is_chosen(header: str, media_type: str, kind: str) -> None:
    form = negotiation.negotiate(header)
    assert (form.media_type, form.kind) == (media_type, kind)


def test_the_version_of_a_table_is_the_one_asked_for() -> None:
    assert negotiation.negotiate(KUBECTL).api_version == "meta.k8s.io/v1"
    assert negotiation.negotiate("application/json;as=Table;v=v1beta1;g=meta.k8s.io").version == "v1beta1"


def test_an_unknown_shape_is_refused() -> None:
    with pytest.raises(NotAcceptable) as refused:
        negotiation.negotiate("application/json;as=Table;v=v9;g=meta.k8s.io")
    listed = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    assert refused.value.message == f"only the following media types are accepted: {listed}"


def test_custom_resources_have_no_protobuf_but_their_metadata_has() -> None:
    assert negotiation.negotiate(f"{PROTOBUF},application/json", negotiation.CUSTOM).media_type == JSON
    partial = f"{PROTOBUF};as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    assert negotiation.negotiate(partial, negotiation.CUSTOM).media_type == PROTOBUF


def test_yaml_cannot_be_streamed() -> None:
    with pytest.raises(NotAcceptable) as refused:
        negotiation.negotiate_stream(YAML)
    listed = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
    assert refused.value.message == f"only the following media types are accepted: {listed}"
    assert negotiation.negotiate_stream("application/json;stream=watch") == Form(JSON, stream="watch")


def test_the_router_refuses_first() -> None:
    negotiation.check_route("text/html, */*")
    with pytest.raises(negotiation.RouteNotAcceptable) as refused:
        negotiation.check_route("application/xml", collection=True)
    assert refused.value.message == (
        "406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, "
        "application/vnd.kubernetes.protobuf, application/json;stream=watch, "
        "application/vnd.kubernetes.protobuf;stream=watch"
    )
    assert refused.value.status()["details"] == {}


def test_a_client_that_can_read_json_is_known() -> None:
    assert negotiation.negotiate(f"{PROTOBUF},application/json").json_too
    assert not negotiation.negotiate(PROTOBUF).json_too


@pytest.mark.parametrize("header", ["text/plain", ";;;", "application/cbor"])
def test_bodies_of_unknown_types_are_refused(header: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="the body of the request was in an unknown format"):
        negotiation.body_form(header)


def test_the_type_of_a_body_is_read_without_its_parameters() -> None:
    assert negotiation.body_form("application/json; charset=utf-8") == JSON
    assert negotiation.body_form("") == JSON
    assert negotiation.body_form("Application/YAML") == YAML


def test_people_get_indented_json() -> None:
    plain = negotiation.negotiate("")
    assert negotiation.pretty(plain, None, "curl/8")
    assert not negotiation.pretty(plain, "false", "curl/8")
    assert not negotiation.pretty(plain, None, "kubectl/v1.36.3")
    assert negotiation.pretty(negotiation.negotiate("application/json;pretty=1"), None, "")
