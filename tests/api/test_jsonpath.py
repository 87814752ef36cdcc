"""JSONPath in kubectl's dialect: does each form give what kubectl prints, and each mistake its words?"""

from __future__ import annotations

from typing import Any

import pytest

from minikube_edu.api.jsonpath import JsonPath, JsonPathError

POD = {
    "kind": "Pod",
    "metadata": {
        "name": "web",
        "labels": {"app": "x", "a.b/c": "dotted"},
        "annotations": {"html": "<a>&"},
    },
    "spec": {
        "containers": [
            {"name": "c", "image": "nginx", "ports": [80, 443], "ready": True, "cpu": 0.5},
            {"name": "d", "image": "redis", "ports": [], "ready": False, "cpu": 2.0},
        ],
        "nothing": None,
    },
    "status": {
        "conditions": [{"type": "Ready", "status": "True", "n": 1}, {"type": "Initialized", "status": "False", "n": 5}]
    },
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain text", "plain text"),
        ("{.metadata.name}", "web"),
        ("{$.metadata.name} {@.kind}", "web Pod"),
        ("{.metadata['name']}", "web"),
        (r"{.metadata.labels.a\.b/c}", "dotted"),
        ("{.metadata.labels['a\\.b/c']}", "dotted"),
        ("{.metadata.labels}", '{"a.b/c":"dotted","app":"x"}'),
        ("{.metadata.annotations}", '{"html":"\\u003ca\\u003e\\u0026"}'),
        ("{.spec.containers[0].image}", "nginx"),
        ("{.spec.containers[-1].image}", "redis"),
        ("{.spec.containers[0].ports[0:2]}", "80 443"),
        ("{.spec.containers[0].ports[::2]}", "80"),
        ("{.spec.containers[*].name}", "c d"),
        ("{.spec.containers[0,1].name}", "c d"),
        ("{.spec.containers[0]['name','image']}", "c nginx"),
        ("{..image}", "nginx redis"),
        ("{.metadata.*}", '{"html":"\\u003ca\\u003e\\u0026"} {"a.b/c":"dotted","app":"x"} web'),
        ('{.status.conditions[?(@.type=="Ready")].status}', "True"),
        ("{.status.conditions[?(@.type!='Ready')].status}", "False"),
        ("{.status.conditions[?(@.n>1)].type}", "Initialized"),
        ("{.status.conditions[?(@.n<=1)].type}", "Ready"),
        ("{.spec.containers[?(@.ready==true)].name}", "c"),
        ("{.spec.containers[?(@.ports[0])].name}", "c"),
        ('{range .spec.containers[*]}{.name}={.image}{"\\n"}{end}', "c=nginx\nd=redis\n"),
        ("{range .spec.containers[*]}{.name}:{range .ports[*]}{@},{end};{end}!", "c:80,443,;d:;!"),
        ("{.spec.containers[*].ready}", "true false"),
        ("{.spec.containers[*].cpu}", "0.5 2"),
        ("{.spec.nothing}", "null"),
        ("{'a'}{1}{2.5}{true}", "a12.5true"),
    ],
)
def test_a_template_prints_what_kubectl_prints(template: str, text: str) -> None:
    assert JsonPath(template).render(POD) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{.metadata.name", "unclosed action"),
        ("{.spec.containers[}", "unterminated array"),
        ("{.spec.containers[a]}", "invalid array index a"),
        ("{.spec.containers[?(@.a==1}", "unterminated filter"),
        ("{.spec.containers[?(@.a==1)}", "unclosed array expect ]"),
        ('{"a}', "unterminated quoted string"),
        ("{....a}", "invalid multiple recursive descent"),
        ("{&}", "unrecognized character in action: U+0026 '&'"),
    ],
)
def test_a_malformed_template_is_refused(template: str, message: str) -> None:
    with pytest.raises(JsonPathError) as refused:
        JsonPath(template)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{.spec.absent}", "absent is not found"),
        ("{.spec.containers[5]}", "array index out of bounds: index 5, length 2"),
        ("{.spec.containers[0:9]}", "array index out of bounds: index 8, length 2"),
        ("{.metadata[0]}", "map[string]interface {} is not array or slice"),
        ("{.kind[0]}", "string is not array or slice"),
        ("{.status.conditions[?(@.n=='x')]}", "incompatible types for comparison"),
        ("{end}", "not in range, nothing to end"),
        ("{foo}", "unrecognized identifier foo"),
        ("{.kind[?(@.a)]}", "Pod is not array or slice and cannot be filtered"),
    ],
)
def test_data_that_does_not_fit_is_told(template: str, message: str) -> None:
    with pytest.raises(JsonPathError) as refused:
        JsonPath(template).render(POD)
    assert str(refused.value) == message


def test_missing_keys_can_be_nothing() -> None:
    path = JsonPath("{.spec.absent.deeper}|{range .absent[*]}{.x}{end}", allow_missing=True)
    assert path.render(POD) == "|"


def test_a_parsed_path_can_be_used_again_after_an_error() -> None:
    path = JsonPath("{range .items[*]}{.name}{end}")
    bad: Any = {"items": [{}]}
    with pytest.raises(JsonPathError):
        path.render(bad)
    assert path.render({"items": [{"name": "a"}]}) == "a"
