"""What becomes of the quantities that people write?"""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.api import quantity
from minikube_edu.api.quantity import Quantity

CANONICAL = {
    "0": "0",
    "1000m": "1",
    "0.5": "500m",
    "1024Ki": "1Mi",
    "1.5Gi": "1536Mi",
    "1.5": "1500m",
    ".5": "500m",
    "1.": "1.",
    "2000": "2k",
    "1e3": "1e3",
    "1E3": "1E3",
    "1e2": "100",
    "12e6": "12e6",
    "1e4": "10e3",
    "100m": "100m",
    "0.1m": "100u",
    "1u": "1u",
    "0.1n": "1n",
    "-0.1n": "-1n",
    "0Ki": "0",
    "-": "0",
    ".": "0",
    "012": "012",
    "+5": "+5",
    "1.500": "1.500",
    "0.500": "500m",
    "12Ki": "12Ki",
    "8Ki": "8Ki",
    "0.5Ki": "512",
    "1000Ki": "1000Ki",
    "0.1Ki": "102400m",
    "1.1Ki": "1126400m",
    "-1024Ki": "-1Mi",
    "9Ei": "9223372036854775807",
    "-9Ei": "-9223372036854775807",
    "5E": "5E",
    "1000P": "1E",
    "1000E": "1",  # the real one has no suffix for it and drops it
    "500Mi": "500Mi",
    "1e-3": "1e-3",
    "1e1000000000": "10e999999999",
}


@pytest.mark.parametrize(("text", "expected"), CANONICAL.items())
def test_how_does_the_server_rewrite_a_quantity(text: str, expected: str) -> None:
    assert quantity.canonical(text) == expected


@pytest.mark.parametrize("text", ["", "abc", "1.2.3", "1 Gi", "1Gi ", "--1x", "1Gi5x", "٣"])
def test_is_text_of_the_wrong_shape_refused_with_the_pattern(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        quantity.parse(text)


@pytest.mark.parametrize("text", ["1K", "1e", "1ki", "1iK", "1mm", "1e99999999999999999999", "1Ki5", "5+", "--1"])
def test_is_an_unknown_suffix_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^unable to parse quantity's suffix$"):
        quantity.parse(text)


def test_are_json_numbers_and_null_quantities() -> None:
    assert quantity.canonical(2000) == "2k"
    assert quantity.canonical(0.5) == "500m"
    assert quantity.canonical(2.0) == "2"
    assert quantity.canonical(None) == "0"
    assert quantity.canonical(" 1Gi ") == "1Gi"
    with pytest.raises(ValueError, match="quantities must match"):
        quantity.canonical(True)


def test_does_arithmetic_stay_exact_and_keep_the_family() -> None:
    total = quantity.parse("1Gi").add(quantity.parse("512Mi"))
    assert str(total) == "1536Mi"
    assert str(quantity.parse("1").sub(quantity.parse("100m"))) == "900m"
    assert str(Quantity(0).add(quantity.parse("1Ki"))) == "1Ki"
    assert str(quantity.parse("0.1").add(quantity.parse("0.2"))) == "300m"
    assert str(quantity.parse("100m").mul(20)) == "2"
    assert quantity.parse("1500m").value() == 2
    assert quantity.parse("-1500m").value() == -2
    assert quantity.parse("1500u").milli_value() == 2
    assert quantity.parse("1Ki").value() == 1024


def test_are_equal_amounts_equal_whatever_their_spelling() -> None:
    assert quantity.parse("1Ki") == quantity.parse("1024") == quantity.parse("1024000m")
    assert hash(quantity.parse("1k")) == hash(quantity.parse("1e3"))
    assert quantity.parse("1e1000000000") > quantity.parse("1E")
    assert quantity.parse("-1") < quantity.parse("0") < quantity.parse("1n")
    assert quantity.parse("999m") < quantity.parse("1")


@given(st.integers(-(10**15), 10**15), st.integers(0, 9))
def test_does_the_canonical_form_keep_the_amount(unscaled: int, places: int) -> None:
    text = f"{Decimal(unscaled).scaleb(-places):f}"
    parsed = quantity.parse(text)
    again = quantity.parse(str(Quantity(parsed.unscaled, parsed.exponent)))
    assert again == parsed
    assert Decimal(parsed.unscaled).scaleb(parsed.exponent) == Decimal(text)


@given(st.integers(0, 2**60), st.sampled_from(["", "Ki", "Mi"]))
def test_is_the_canonical_form_of_binary_quantities_stable(number: int, suffix: str) -> None:
    once = str(quantity.parse(f"{number}{suffix}").add(Quantity(0)))
    assert str(quantity.parse(once).add(Quantity(0))) == once


@given(st.text(max_size=12))
def test_does_any_text_either_parse_or_get_an_error(text: str) -> None:
    problem = None
    try:
        quantity.canonical(text)
    except ValueError as error:
        problem = str(error)
    assert problem in (None, quantity.FORMAT_WRONG, quantity.SUFFIX_WRONG)
