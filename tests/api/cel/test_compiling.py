"""What does an expression mean, and what is an author told who makes a mistake?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.api.cel import CompileError, Environment, compile_expression, cost, environments
from minikube_edu.api.cel.parser import parse
from minikube_edu.api.cel.schema_types import declare, escape
from minikube_edu.api.cel.syntax import Literal

ADMISSION = environments.admission(params=False)


def complaint(source: str, environment: Environment = ADMISSION) -> str:
    with pytest.raises(CompileError) as caught:
        compile_expression(source, environment)
    return str(caught.value)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("1 + 1", "int"),
        ("-1 < 3", "bool"),
        ("[1, 2].map(x, x * 2)", "list(int)"),
        ("{'a': 1}", "map(string, int)"),
        ("[]", "list(dyn)"),
        ("object.spec.replicas", "dyn"),
        ("object.spec.containers.all(c, c.image.startsWith('x') && size(c.name) < 4)", "bool"),
        ("object.?spec.?replicas.orValue(1) == 2", "bool"),
        ("request.userInfo.groups.exists(g, g == 'admins')", "bool"),
        ("has(object.spec) ? 'a' : 'b'", "string"),
        ("authorizer.group('apps').resource('deployments').check('get').allowed()", "bool"),
        ("authorizer.requestResource.check('get').reason()", "string"),
        ("quantity('1Gi').isGreaterThan(quantity('1Mi'))", "bool"),
        ("timestamp('2026-01-01T00:00:00Z') + duration('1h')", "google.protobuf.Timestamp"),
        ("object.metadata.namespace in ['a', 'b']", "bool"),
        ("null", "null_type"),
    ],
)
def test_an_expression_has_the_type_that_its_parts_give_it(source: str, kind: str) -> None:
    assert str(compile_expression(source, ADMISSION).type) == kind


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("object.", "1:8: Syntax error: no viable alternative at input '.'"),
        ("object.spec <", "1:14: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!',"),
        ("(a == 1", "1:8: Syntax error: missing ')' at '<EOF>'"),
        ("1 2", "1:3: Syntax error: extraneous input '2' expecting <EOF>"),
        ("nothing == 1", "1:1: undeclared reference to 'nothing' (in container '')"),
        ("foo(1)", "1:4: undeclared reference to 'foo' (in container '')"),
        ("request.nothing", "1:8: undefined field 'nothing'"),
        ("1 + 'a'", "1:3: found no matching overload for '_+_' applied to '(int, string)'"),
        ("'a'.size(1)", "found no matching overload for 'size' applied to 'string.(int)'"),
        ("[1, 'a']", "1:5: expected type 'int' but found 'string'"),
        ("has(object)", "1:5: invalid argument to has() macro"),
        ("for", "reserved identifier: for"),
        ("1.all(x, true)", "cannot be range of a comprehension"),
    ],
)
def test_a_mistake_is_told_in_the_real_compilers_words(source: str, words: str) -> None:
    assert words in complaint(source)


def test_the_place_of_a_mistake_is_shown_under_its_line() -> None:
    assert complaint("true &&\nnothing") == (
        "ERROR: <input>:2:1: undeclared reference to 'nothing' (in container '')\n | nothing\n | ^"
    )


def test_parameters_exist_only_where_a_policy_has_some() -> None:
    assert "undeclared reference to 'params'" in complaint("params.x")
    assert str(compile_expression("params.x", environments.admission(params=True)).type) == "dyn"


def test_a_mutation_writes_objects_and_patches_of_named_types() -> None:
    mutation = environments.admission(params=False, patches=True)
    assert str(compile_expression("Object{spec: Object.spec{replicas: 1}}", mutation).type) == "Object"
    patch = '[JSONPatch{op: "add", path: "/a", value: 1}]'
    assert str(compile_expression(patch, mutation).type) == "list(JSONPatch)"
    assert "undefined field 'oops'" in complaint("JSONPatch{oops: 1}", mutation)


def test_operators_bind_as_in_every_language() -> None:
    tree = compile_expression("1 + 2 * 3 == 7 && !false || false", ADMISSION).tree
    assert getattr(tree, "function", "") == "_||_"


@given(st.text())
def test_a_string_that_is_quoted_is_read_back(text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r") + '"'
    tree = parse(quoted)
    assert isinstance(tree, Literal)
    assert tree.value == text


@given(st.text(alphabet="ab1 .()[]{}!&|<>=+-*/?:,'\"\\", max_size=25))
def test_no_text_breaks_the_parser(text: str) -> None:
    said = "ERROR: <input>:"
    try:
        compile_expression(text, ADMISSION)
    except CompileError as error:
        said = str(error)
    assert said.startswith("ERROR: <input>:")


def test_names_of_fields_that_are_no_identifiers_are_escaped() -> None:
    assert escape("a-b.c/d") == "a__dash__b__dot__c__slash__d"
    assert escape("namespace") == "__namespace__"
    assert escape("1a") is None


def test_the_cost_of_a_rule_grows_with_what_a_schema_allows() -> None:
    def worst(limits: dict[str, int]) -> int:
        item = {"type": "string", "maxLength": 10}
        root = declare({"type": "object", "properties": {"l": {"type": "array", "items": item, **limits}}})
        assert root is not None
        rule = "self.l.all(x, self.l.all(y, x == y))"
        return cost.worst(compile_expression(rule, Environment({"self": root.type})).tree, root)

    assert worst({"maxItems": 5}) < 1000 < worst({"maxItems": 100}) < worst({})
