"""Names, durations, int-or-string, addresses: what is accepted, and what is said of the rest?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.api import durations, intstr, ip, names
from minikube_edu.lib import gotext


def test_what_is_wrong_with_a_name() -> None:
    assert names.dns1123_subdomain("web-1.example") == []
    assert names.dns1123_subdomain("Upper") == [
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
        "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
        r"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
    ]
    assert names.dns1123_subdomain("a" * 254) == ["must be no more than 253 characters"]
    assert names.dns1123_label("a.b") == ["must not contain dots"]
    assert names.dns1123_label("a" * 64) == ["must be no more than 63 characters"]
    assert names.dns1035_label("1a")[0].startswith("a DNS-1035 label must consist of")
    assert names.dns1123_subdomain("a\n")
    assert names.path_segment("..") == ["may not be '..'"]
    assert names.path_segment("a/b%") == ["may not contain '/'", "may not contain '%'"]
    assert names.path_segment("system:node:x") == []
    assert names.wildcard_dns1123_subdomain("*.a.b") == []
    assert names.wildcard_dns1123_subdomain("*")
    assert names.dns1123_subdomain_caseless("Example.com") == []
    assert names.dns1123_subdomain_with_underscore("_a.b_c") == []


def test_what_is_wrong_with_a_label() -> None:
    key = (
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
        "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
        "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
    )
    assert names.label_key("example.com/MyName") == []
    assert names.label_key("") == ["name part must be non-empty", "name part " + key]
    assert names.label_key("/a") == ["prefix part must be non-empty"]
    assert names.label_key("a/b/c") == [
        f"a valid label key {key} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
    ]
    assert names.label_key("a" * 64) == ["name part must be no more than 63 bytes"]
    assert names.label_key("Bad_/x")[0].startswith("prefix part a lowercase RFC 1123 subdomain must")
    assert names.label_value("") == []
    assert names.label_value("a" * 64) == ["must be no more than 63 bytes"]
    assert names.label_value("-x")[0].endswith("'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')")


def test_what_is_wrong_with_other_names() -> None:
    assert names.port_name("http-1") == []
    assert names.port_name("-this--name-is-too-long") == [
        "must be no more than 15 characters",
        "must not contain consecutive hyphens",
        "must not begin or end with a hyphen",
    ]
    assert names.port_name("12") == ["must contain at least one letter (a-z)"]
    assert names.port_number(0) == ["must be between 1 and 65535, inclusive"]
    assert names.config_map_key("..") == ["must not be '..'"]
    assert names.config_map_key("..a") == ["must not start with '..'"]
    assert names.config_map_key("a b")[0].startswith("a valid config key must consist of")
    assert names.relaxed_env_var_name("A=B") == [
        "a valid environment variable name must consist only of printable ASCII characters other than '='"
    ]
    assert names.relaxed_env_var_name("") == ["environment variable name must be non-empty"]
    assert names.env_var_name("1A")[0].endswith("regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')")
    assert names.percent("10%") == []
    assert names.percent("ten%")
    assert names.c_identifier("a-b")
    assert names.http_header_name("X Y")
    assert names.user_id(-1) == ["must be between 0 and 2147483647, inclusive"]


def test_may_a_generated_name_s_beginning_end_with_a_dash() -> None:
    assert names.for_generate(names.dns1123_subdomain, "web-") == []
    assert names.for_generate(names.dns1123_subdomain, "Bad_")
    assert names.for_generate(names.path_segment, ".") == []


def test_which_value_do_composed_names_complain_of() -> None:
    assert names.fully_qualified_name("a.b")[0].detail.endswith("at least three segments separated by dots")
    assert names.fully_qualified_name("")[0].kind == "Required"
    assert names.fully_qualified_domain_name("a.b.") == []
    assert names.domain_prefixed_path("acme.io/a b")[0].value == "a b"
    assert names.domain_prefixed_path("acme.io")[0].detail == 'must be a domain-prefixed path (such as "acme.io/foo")'
    assert names.domain_prefixed_key("acme.io/foo") == []


@pytest.mark.parametrize(
    ("text", "nanoseconds", "again"),
    [
        ("0", 0, "0s"),
        ("1h", 3600 * 10**9, "1h0m0s"),
        ("1.5h", 5400 * 10**9, "1h30m0s"),
        ("90s", 90 * 10**9, "1m30s"),
        ("-1m0.5s", -60_500_000_000, "-1m0.5s"),
        ("1500ms", 1_500_000_000, "1.5s"),
        ("1.5ms", 1_500_000, "1.5ms"),
        ("1us", 1000, "1µs"),
        ("3ns", 3, "3ns"),
        ("+.5s", 500_000_000, "500ms"),
        ("2540400h10m10.000000000s", 9145440610 * 10**9, "2540400h10m10s"),
        ("-9223372036854775808ns", -(2**63), "-2562047h47m16.854775808s"),
        ("0.3333333333333333333h", 1_200_000_000_000, "20m0s"),
    ],
)
def test_does_a_duration_read_and_print_as_in_go(text: str, nanoseconds: int, again: str) -> None:
    assert durations.parse(text) == nanoseconds
    assert durations.format(nanoseconds) == again


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("abc", 'time: invalid duration "abc"'),
        ("", 'time: invalid duration ""'),
        ("5", 'time: missing unit in duration "5"'),
        ("5x", 'time: unknown unit "x" in duration "5x"'),
        ("5é", 'time: unknown unit "\\xc3\\xa9" in duration "5\\xc3\\xa9"'),
        (".s", 'time: invalid duration ".s"'),
        ("-", 'time: invalid duration "-"'),
        ("9223372036854775808ns", 'time: invalid duration "9223372036854775808ns"'),
    ],
)
def test_is_a_bad_duration_refused_in_go_s_words(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is compared in full
        durations.parse(text)
    assert str(caught.value) == message


@given(st.integers(-(2**63), 2**63 - 1))
def test_does_a_printed_duration_read_back(nanoseconds: int) -> None:
    back = durations.parse(durations.format(nanoseconds))
    assert abs(back - nanoseconds) <= 1  # Go's own fractions go through a float
    assert durations.from_seconds(durations.seconds("90s")) == "1m30s"


def test_what_is_a_percentage_of_a_total() -> None:
    assert intstr.scaled("25%", 10, round_up=True) == 3
    assert intstr.scaled("25%", 10, round_up=False) == 2
    assert intstr.scaled(4, 10, round_up=True) == 4
    assert intstr.parse("80") == 80
    assert intstr.parse("http") == "http"
    assert intstr.parse("99999999999") == "99999999999"
    assert intstr.int_value("12") == 12
    assert intstr.int_value("http") == 0
    with pytest.raises(ValueError, match=r"^invalid value for IntOrString: invalid type: string is not a percentage$"):
        intstr.scaled("5", 10, round_up=True)
    with pytest.raises(
        ValueError,
        match=r'^invalid value for IntOrString: invalid value "a%": strconv.Atoi: parsing "a": invalid syntax$',
    ):
        intstr.scaled("a%", 10, round_up=True)


def test_which_addresses_are_valid() -> None:
    assert ip.problems_ip("10.0.0.1") == []
    assert ip.problems_ip("x") == ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]
    assert ip.problems_ip("010.0.0.1") == ["must not have leading 0s"]
    assert ip.problems_ip("010.0.0.1", strict=False) == []
    assert ip.problems_ip("::ffff:1.2.3.4") == ["must not be an IPv4-mapped IPv6 address"]
    assert ip.problems_ip("fe80::1%eth0")
    assert ip.problems_ip("FE80::1") == []
    assert ip.problems_canonical_ip("FE80::1") == ['must be in canonical form ("fe80::1")']
    assert str(ip.parse_ip("::ffff:1.2.3.4")) == "1.2.3.4"
    assert ip.is_ipv6("::1")
    assert not ip.is_ipv6("1.2.3.4")


def test_which_cidrs_are_valid() -> None:
    assert ip.problems_cidr("10.0.0.0/8") == []
    assert ip.problems_cidr("10.0.0.0/33") == ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]
    assert ip.problems_cidr("198.18.0.1/24") == ["must not have bits set beyond the prefix length"]
    assert ip.problems_cidr("198.18.0.1/24", strict=False) == []
    assert ip.problems_cidr("10.0.0.0/08") == ["must not have leading 0s in IP or prefix length"]
    assert ip.problems_cidr("::ffff:1.2.3.0/120") == ["must not have an IPv4-mapped IPv6 address"]
    assert ip.problems_canonical_cidr("FD00::/8") == ['must be in canonical form ("fd00::/8")']
    assert ip.problems_cidr("10.0.0.0")
    assert ip.problems_interface_address("192.168.1.5/24") == []
    assert ip.problems_interface_address("192.168.01.5/24") == ['must be in canonical form ("192.168.1.5/24")']
    assert ip.problems_interface_address("::ffff:10.0.0.1/120") == ['must be in canonical form ("10.0.0.1/24")']
    assert ip.is_ipv6_cidr("fd00::/8")


def test_what_are_clients_warned_of() -> None:
    assert ip.warnings_ip("spec.x", "1.2.3.4") == []
    assert ip.warnings_ip("spec.x", "01.2.3.4") == [
        'spec.x: non-standard IP address "01.2.3.4" is invalid: use "1.2.3.4"'
    ]
    assert ip.warnings_ip("spec.x", "FE80::1") == [
        'spec.x: IPv6 address "FE80::1" should be in RFC 5952 canonical format ("fe80::1")'
    ]
    assert ip.warnings_cidr("c", "10.0.0.5/8") == [
        'c: CIDR value "10.0.0.5/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.5/32"?)'
    ]
    assert ip.warnings_cidr("c", "FD00::/8") == [
        'c: IPv6 CIDR value "FD00::/8" should be in RFC 5952 canonical format ("fd00::/8")'
    ]
    assert ip.warnings_cidr("c", "10.0.0.0/08") == [
        'c: non-standard CIDR value "10.0.0.0/08" is invalid: use "10.0.0.0/8"'
    ]


def test_how_does_go_quote() -> None:
    assert gotext.quote('a"b\\') == '"a\\"b\\\\"'
    assert gotext.quote("\n\x01é\u200b\U000e0001") == '"\\n\\x01é\\u200b\\U000e0001"'
    assert gotext.words(["a", "b"]) == "[a b]"
    with pytest.raises(ValueError, match="value out of range"):
        gotext.parse_int("9223372036854775808")
