"""Go's templates, against what the real kubectl printed for the same text and object."""

from __future__ import annotations

from typing import Any

import pytest

from minikube_edu.api.output import PartialOutput
from minikube_edu.api.output.go_template import GoTemplatePrinter

OBJECT: dict[str, Any] = {
    "kind": "ConfigMap",
    "data": {"a": "1", "b": "two", "c.d": "x"},
    "items": [{"name": "x", "n": 1}, {"name": "y", "n": 2}],
    "metadata": {"name": "cm", "creationTimestamp": None},
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.data.a}}{{.data.nope.x}}", "1<no value>"),
        ("{{range $k, $v := .data}}{{$k}}={{$v}};{{end}}", "a=1;b=two;c.d=x;"),
        ("{{range .items}}{{.name}}{{$.kind}} {{end}}", "xConfigMap yConfigMap "),
        ("{{range $i, $e := .items}}{{if $i}}, {{end}}{{$e.name}}{{end}}", "x, y"),
        ("{{range .nothing}}a{{else}}none{{end}}", "none"),
        ("{{range .items}}{{if eq .n 2}}{{break}}{{end}}{{.n}}{{end}}", "1"),
        ('{{if eq .kind "Pod" "ConfigMap"}}up{{else}}down{{end}}', "up"),
        ('{{if eq .kind "a"}}1{{else if .data}}2{{else}}3{{end}}', "2"),
        ("{{with .metadata}}{{.name}}{{end}}", "cm"),
        ("{{.metadata.name -}}  \n x {{- /* c */ -}} y", "cmx y"[:3] + "y"),
        ('{{define "t"}}[{{.}}]{{end}}{{template "t" .kind}}', "[ConfigMap]"),
        ('{{index .data "c.d"}}{{(index .items 1).name}}', "xy"),
        ('{{printf "%-5s|%3d|%q|%v" "ab" 7 .kind .items}}', 'ab   |  7|"ConfigMap"|[map[n:1 name:x] map[n:2 name:y]]'),
        ('{{"aGk=" | base64decode | printf "%s!"}}', "hi!"),
        ("{{and .kind .nope}}{{or .nope 3}}{{not .nope}}", "<no value>3true"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"),
        ('{{exists .data "a"}}{{exists .data "q"}}', "truefalse"),
        ('{{len .data}}{{len .kind}}{{lt 1 2}}{{printf "x" 1}}', "39truex%!(EXTRA int=1)"),
        ('{{html "<a>"}}{{print 1 2 "a" 3}}{{slice .kind 1 3}}', "&lt;a&gt;1 2a3on"),
    ],
)
def test_templates_print_what_the_real_ones_do(template: str, text: str) -> None:
    assert GoTemplatePrinter(template).print(OBJECT) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{foo}}", 'template: output:1: function "foo" not defined'),
        ("a\n{{.a", "template: output:2: unclosed action"),
        ("{{end}}", "template: output:1: unexpected {{end}}"),
        ("{{if .a}}x", "template: output:1: unexpected EOF"),
        ("{{$x}}", 'template: output:1: undefined variable "$x"'),
        ('{{"abc}}', "template: output:1: unterminated quoted string"),
        ("{{(1}}", "template: output:1: unclosed left paren"),
        ("{{1)}}", "template: output:1: unexpected right paren"),
        ("{{#}}", 'template: output:1: unexpected "#" in command'),
        ("{{.a-b}}", "template: output:1: bad character U+002D '-'"),
        ("{{if}}x{{end}}", "template: output:1: missing value for if"),
        ("{{break}}", "template: output:1: {{break}} outside {{range}}"),
        ("{{if .x}}{{else}}{{else}}{{end}}", "template: output:1: expected end; found {{else}}"),
    ],
)
def test_malformed_templates_are_refused_in_gos_words(template: str, message: str) -> None:
    with pytest.raises(ValueError, match="error parsing template") as caught:
        GoTemplatePrinter(template)
    assert str(caught.value) == f"error parsing template {template}, {message}"


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{.kind.x}}", "1:7: executing \"output\" at <.kind.x>: can't evaluate field x in type interface {}"),
        ("{{index .data 1}}", '1:2: executing "output" at <index .data 1>: error calling index: value has type int; '
         "should be string"),
        ("{{range .kind}}x{{end}}", "1:8: executing \"output\" at <.kind>: range can't iterate over ConfigMap"),
        ("{{base64decode .x}}", '1:15: executing "output" at <.x>: invalid value; expected string'),
        ("{{eq .kind 3}}", '1:2: executing "output" at <eq .kind 3>: error calling eq: incompatible types for '
         "comparison"),
        ('{{template "q"}}', '1:11: executing "output" at <{{template "q"}}>: template "q" not defined'),
    ],
)  # fmt: skip
def test_what_fails_while_running_names_its_place(template: str, message: str) -> None:
    with pytest.raises(PartialOutput) as caught:
        GoTemplatePrinter("start " + template).print(OBJECT)
    column = int(message.split(":")[1]) + len("start ")
    shifted = message.replace(f"1:{message.split(':')[1]}:", f"1:{column}:", 1)
    assert str(caught.value).endswith(f": template: output:{shifted}")
    assert caught.value.text.startswith("start Error executing template: ")


def test_missing_keys_can_be_errors() -> None:
    with pytest.raises(PartialOutput, match='map has no entry for key "nope"'):
        GoTemplatePrinter("{{.nope}}", allow_missing=False).print(OBJECT)
