"""Do selectors mean, print and fail as the real ones? (The messages are recorded answers of the real server.)"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.api import field_selectors, label_selectors

LABELS = {"app": "x", "tier": "front", "num": "5"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("app=x", True),
        ("app==x", True),
        ("app!=x", False),
        ("other!=x", True),
        ("app in (x, y),tier in (front)", True),
        ("app notin (x)", False),
        ("none notin (x)", True),
        ("num", True),
        ("!num", False),
        ("!none", True),
        ("num>4", True),
        ("num<5", False),
        ("app>4", False),
        ("none<5", False),
        ("app=x,app=y", False),
        ("app=", False),
        ("in in (in)", False),
        ("app in ()", False),
        ("app in (,x)", True),
        ("app\t=\nx", True),
    ],
)
def test_which_labels_does_a_selector_match(text: str, expected: bool) -> None:
    assert label_selectors.parse(text).matches(LABELS) is expected


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("b=1,a=2", "a=2,b=1"),
        ("a == b", "a==b"),
        ("x in (c,a,b)", "x in (a,b,c)"),
        ("x in (a,a)", "x in (a)"),
        ("x in (foo,,baz),y,z notin ()", "x in (,baz,foo),y,z notin ()"),
        ("!a", "!a"),
        ("a>1,b<2", "a>1,b<2"),
        ("a in (in,notin)", "a in (in,notin)"),
        ("x in (,)", "x in ()"),
        ("x=,y!=", "x=,y!="),
    ],
)
def test_what_is_the_canonical_form(text: str, canonical: str) -> None:
    assert str(label_selectors.parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "num>abc",
            "unable to parse requirement: values[0]: Invalid value: \"abc\": for 'Gt', 'Lt' operators, the value must "
            "be an integer",
        ),
        ("app in x", "unable to parse requirement: found 'x' expected: '('"),
        ("a b=c", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("app=a b!", "found 'b', expected: ',' or 'end of string'"),
        ("app=>x", "unable to parse requirement: found '>', expected: identifier"),
        ("app=x,", "found '', expected: identifier after ','"),
        ("app in (x", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("app in (x,", "unable to parse requirement: found '', expected: ',', or identifier"),
        ("app in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("=x", "found '=', expected: !, identifier, or 'end of string'"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
    ],
)
def test_is_a_bad_selector_refused_in_the_real_words(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared in full
        label_selectors.parse(text)
    assert str(caught.value) == message


def test_are_keys_and_values_checked_as_labels() -> None:
    with pytest.raises(
        ValueError, match=r'^unable to parse requirement: <nil>: Invalid value: "a~": name part must cons'
    ):
        label_selectors.parse("a~=b")
    with pytest.raises(
        ValueError,
        match=r'^unable to parse requirement: values\[0\]\[a\]: Invalid value: "b~": a valid label must be an',
    ):
        label_selectors.parse("a=b~")


def test_does_the_object_form_mean_the_same() -> None:
    selector = label_selectors.from_object(
        {
            "matchLabels": {"app": "x"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["front", "back"]},
                {"key": "none", "operator": "DoesNotExist"},
                {"key": "num", "operator": "Exists"},
                {"key": "app", "operator": "NotIn", "values": ["z"]},
            ],
        }
    )
    assert selector.matches(LABELS)
    assert str(selector) == "app=x,app notin (z),!none,num,tier in (back,front)"
    assert selector.exact_value("app") == "x"
    assert selector.exact_value("tier") is None


def test_does_no_selector_select_nothing_and_an_empty_one_everything() -> None:
    assert not label_selectors.from_object(None).matches(LABELS)
    assert label_selectors.from_object(None).matches_nothing()
    assert label_selectors.from_object({}).matches({})
    assert label_selectors.from_object({}).empty()
    assert label_selectors.from_object({}) == label_selectors.everything()


def test_what_is_wrong_with_an_expression() -> None:
    def problem(**expression: object) -> str:
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared in full
            label_selectors.from_object({"matchExpressions": [expression]})
        return str(caught.value)

    assert problem(key="a", operator="Like") == '"Like" is not a valid label selector operator'
    assert problem(key="a", operator="In") == (
        "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty"
    )
    assert problem(key="a", operator="Exists", values=["b"]) == (
        'values: Invalid value: ["b"]: values set must be empty for exists and does not exist'
    )


@given(st.text(alphabet="ab=!<>(), in", max_size=20))
def test_does_the_canonical_form_parse_to_the_same_selector(text: str) -> None:
    try:
        selector = label_selectors.parse(text)
    except ValueError:
        return
    assert label_selectors.parse(str(selector)) == selector


def test_what_do_field_selectors_say() -> None:
    terms = field_selectors.parse(r"status.phase!=Running,metadata.name==a\,b\=c\\")
    assert terms == [("metadata.name", "=", "a,b=c\\"), ("status.phase", "!=", "Running")]
    assert field_selectors.text_of(terms) == r"metadata.name=a\,b\=c\\,status.phase!=Running"
    assert field_selectors.matches(terms, {"metadata.name": "a,b=c\\"})
    assert not field_selectors.matches(terms, {"metadata.name": "a,b=c\\", "status.phase": "Running"})
    assert field_selectors.exact_value(terms, "metadata.name") == "a,b=c\\"
    assert field_selectors.exact_value(terms, "status.phase") is None
    assert field_selectors.parse("") == field_selectors.parse("=,") == []
    assert field_selectors.parse("spec.nodeName=,") == [("spec.nodeName", "=", "")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        (
            "a=b,metadata.name in (p)",
            "invalid selector: 'a=b,metadata.name in (p)'; can't understand 'metadata.name in (p)'",
        ),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        (r"a=\x", r"invalid field selector: invalid escape sequence: \x"),
        ("a=b\\", "invalid field selector: invalid escape sequence: \\"),
    ],
)
def test_is_a_bad_field_selector_refused_in_the_real_words(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared in full
        field_selectors.parse(text)
    assert str(caught.value) == message


@given(st.text(max_size=10))
def test_does_an_escaped_value_come_back(value: str) -> None:
    assert field_selectors.parse("a=" + field_selectors.escape(value)) == [("a", "=", value)]
