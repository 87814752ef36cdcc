"""What may be called what: the name rules of Kubernetes, each with its real messages.

Every function takes the text and returns the list of what is wrong with it, empty when nothing is. The caller puts the
field's path and the bad value in front. Two families of length messages exist in the real code, "characters" for names
and "bytes" for label keys and values (where the rules moved to a newer package); both are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = LABEL + r"(\." + LABEL + ")*"
_UNDERSCORE = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORE_SUBDOMAIN = _UNDERSCORE + r"(\." + _UNDERSCORE + ")*"
_WILDCARD = r"\*\." + _SUBDOMAIN
_DNS1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = f"({_KEY})?"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_PERCENT = "[0-9]+%"
_HEADER = "[-A-Za-z0-9]+"
_ENV = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"

_label = re.compile(LABEL).fullmatch
_subdomain = re.compile(_SUBDOMAIN).fullmatch
_underscore = re.compile(_UNDERSCORE_SUBDOMAIN).fullmatch
_wildcard = re.compile(_WILDCARD).fullmatch
_dns1035 = re.compile(_DNS1035).fullmatch
_key = re.compile(_KEY).fullmatch
_value = re.compile(_VALUE).fullmatch
_c_identifier = re.compile(_C_IDENTIFIER).fullmatch
_percent = re.compile(_PERCENT).fullmatch
_header = re.compile(_HEADER).fullmatch
_env = re.compile(_ENV).fullmatch
_config_key = re.compile(_CONFIG_KEY).fullmatch
_http_path = re.compile(_HTTP_PATH).fullmatch

_ALNUM = "and must start and end with an alphanumeric character"
_LABEL_TEXT = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', " + _ALNUM
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', " + _ALNUM
)
_CASELESS_TEXT = "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', " + _ALNUM
_UNDERSCORE_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', " + _ALNUM
)
_KEY_TEXT = "must consist of alphanumeric characters, '-', '_' or '.', " + _ALNUM
_VALUE_TEXT = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', " + _ALNUM


def too_long(limit: int) -> str:
    return f"must be no more than {limit} characters"


def too_many_bytes(limit: int) -> str:
    return f"must be no more than {limit} bytes"


def mismatch(text: str, pattern: str, *examples: str) -> str:
    """The sentence about a regular expression; its odd comma and double blank are the real one's."""
    if not examples:
        return f"{text} (regex used for validation is '{pattern}')"
    shown = " or ".join(f"'{example}', " for example in examples)
    return f"{text} (e.g. {shown}regex used for validation is '{pattern}')"


def between(low: int, high: int) -> str:
    return f"must be between {low} and {high}, inclusive"


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def dns1123_label(name: str) -> list[str]:
    """A pod's container, a namespace: `my-name`, 63 characters."""
    problems = [too_long(63)] if _size(name) > 63 else []
    if not _label(name):
        dotted = _subdomain(name)
        problems.append("must not contain dots" if dotted else mismatch(_LABEL_TEXT, LABEL, "my-name", "123-abc"))
    return problems


def dns1123_subdomain(name: str) -> list[str]:
    """What most objects are called: `example.com`, 253 characters."""
    problems = [too_long(253)] if _size(name) > 253 else []
    if not _subdomain(name):
        problems.append(mismatch(_SUBDOMAIN_TEXT, _SUBDOMAIN, "example.com"))
    return problems


def dns1123_subdomain_caseless(name: str) -> list[str]:
    problems = [too_many_bytes(253)] if _size(name) > 253 else []
    if not _subdomain(name.lower()) or not name.isascii():
        problems.append(mismatch(_CASELESS_TEXT, _SUBDOMAIN, "Example.com"))
    return problems


def dns1123_subdomain_with_underscore(name: str) -> list[str]:
    problems = [too_long(253)] if _size(name) > 253 else []
    if not _underscore(name):
        problems.append(mismatch(_UNDERSCORE_TEXT, _UNDERSCORE_SUBDOMAIN, "example.com"))
    return problems


def wildcard_dns1123_subdomain(name: str) -> list[str]:
    """`*.example.com`."""
    problems = [too_long(253)] if _size(name) > 253 else []
    if not _wildcard(name):
        text = (
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist "
            "of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
        )
        problems.append(mismatch(text, _WILDCARD, "*.example.com"))
    return problems


def dns1035_label(name: str) -> list[str]:
    """A label that begins with a letter."""
    problems = [too_long(63)] if _size(name) > 63 else []
    if not _dns1035(name):
        text = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic "
            "character, and end with an alphanumeric character"
        )
        problems.append(mismatch(text, _DNS1035, "my-name", "abc-123"))
    return problems


def label_key(key: str) -> list[str]:
    """`example.com/MyName` or `MyName`: labels, annotations, taints, resources ("qualified name")."""
    parts = key.split("/")
    if len(parts) > 2:
        problem = "a valid label key " + mismatch(_KEY_TEXT, _KEY, "MyName", "my.name", "123-abc")
        return [problem + " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    problems = _prefix_problems(parts[0]) if len(parts) == 2 else []
    name = parts[-1]
    if not name:
        problems.append("name part must be non-empty")
    elif _size(name) > 63:
        problems.append("name part " + too_many_bytes(63))
    if not _key(name):
        problems.append("name part " + mismatch(_KEY_TEXT, _KEY, "MyName", "my.name", "123-abc"))
    return problems


qualified_name = label_key


def _prefix_problems(prefix: str) -> list[str]:
    if not prefix:
        return ["prefix part must be non-empty"]
    problems = ["prefix part " + too_many_bytes(253)] if _size(prefix) > 253 else []
    if not _subdomain(prefix):
        problems.append("prefix part " + mismatch(_SUBDOMAIN_TEXT, _SUBDOMAIN, "example.com"))
    return problems


def label_value(value: str) -> list[str]:
    problems = [too_many_bytes(63)] if _size(value) > 63 else []
    if not _value(value):
        problems.append(mismatch(_VALUE_TEXT, _VALUE, "MyValue", "my_value", "12345"))
    return problems


def path_segment(name: str) -> list[str]:
    """Names that only have to fit into a URL: roles, bindings, custom resources of old."""
    if name in (".", ".."):
        return [f"may not be '{name}'"]
    return path_segment_prefix(name)


def path_segment_prefix(name: str) -> list[str]:
    return [f"may not contain '{char}'" for char in "/%" if char in name]


def c_identifier(name: str) -> list[str]:
    if _c_identifier(name):
        return []
    text = (
        "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric "
        "characters or '_'"
    )
    return [mismatch(text, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName")]


def in_range(value: int, low: int, high: int) -> list[str]:
    return [] if low <= value <= high else [between(low, high)]


def port_number(port: int) -> list[str]:
    return in_range(port, 1, 65535)


def user_id(value: int) -> list[str]:
    return in_range(value, 0, 2**31 - 1)


group_id = user_id


def port_name(port: str) -> list[str]:
    """RFC 6335: `http`, 15 characters."""
    problems = [too_long(15)] if _size(port) > 15 else []
    if not re.fullmatch("[-a-z0-9]+", port):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", port):
        problems.append("must contain at least one letter (a-z)")
    if "--" in port:
        problems.append("must not contain consecutive hyphens")
    if port.startswith("-") or port.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return problems


def percent(text: str) -> list[str]:
    if _percent(text):
        return []
    return [
        mismatch("a valid percent string must be a numeric string followed by an ending '%'", _PERCENT, "1%", "93%")
    ]


def http_header_name(name: str) -> list[str]:
    if _header(name):
        return []
    text = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [mismatch(text, _HEADER, "X-Header-Name")]


def env_var_name(name: str) -> list[str]:
    problems = []
    if not _env(name):
        text = (
            "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and "
            "must not start with a digit"
        )
        problems.append(mismatch(text, _ENV, "my.env-name", "MY_ENV.NAME", "MyEnvName1"))
    return problems + _parent_directory(name)


def relaxed_env_var_name(name: str) -> list[str]:
    """What containers take today: any printable ASCII but `=`."""
    problems = [] if name else ["environment variable name must be non-empty"]
    if any(not " " <= char <= "~" or char == "=" for char in name):
        problems.append(
            "a valid environment variable name must consist only of printable ASCII characters other than '='"
        )
    return problems


def config_map_key(key: str) -> list[str]:
    """A key of a ConfigMap or Secret, which becomes a file's name."""
    problems = [too_long(253)] if _size(key) > 253 else []
    if not _config_key(key):
        text = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        problems.append(mismatch(text, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return problems + _parent_directory(key)


def _parent_directory(name: str) -> list[str]:
    if name in (".", ".."):
        return [f"must not be '{name}'"]
    return ["must not start with '..'"] if name.startswith("..") else []


def for_generate(rule: Callable[[str], list[str]], prefix: str) -> list[str]:
    """`metadata.generateName` under the rule of names: a tail will follow, so that a dash at the end is no mistake.
    (The real one replaces the last two characters by one letter; the messages depend on it.)"""
    if rule is path_segment:
        return path_segment_prefix(prefix)
    if len(prefix) > 1 and prefix.endswith("-"):
        prefix = prefix[:-2] + "a"
    return rule(prefix)


class Problem(NamedTuple):
    """A problem whose bad value is not always the whole field."""

    kind: Literal["Required", "Invalid"]
    value: str
    detail: str


def fully_qualified_name(name: str) -> list[Problem]:
    """At least three parts: a webhook's name."""
    if not name:
        return [Problem("Required", "", "")]
    if problems := dns1123_subdomain(name):
        return [Problem("Invalid", name, ",".join(problems))]
    if name.count(".") < 2:
        return [Problem("Invalid", name, "should be a domain with at least three segments separated by dots")]
    return []


def fully_qualified_domain_name(name: str) -> list[Problem]:
    """At least two parts; a dot at the end is allowed."""
    if not name:
        return [Problem("Required", "", "")]
    name = name.removesuffix(".")
    if problems := dns1123_subdomain(name):
        return [Problem("Invalid", name, ",".join(problems))]
    labels = name.split(".")
    if len(labels) < 2:
        return [Problem("Invalid", name, "should be a domain with at least two segments separated by dots")]
    for label in labels:
        if problems := dns1123_label(label):
            return [Problem("Invalid", label, ",".join(problems))]
    return []


def domain_prefixed_path(path: str) -> list[Problem]:
    """`acme.io/foo`: a signer, a finalizer of old."""
    if not path:
        return [Problem("Required", "", "")]
    host, _, rest = path.partition("/")
    if not host or not rest:
        return [Problem("Invalid", path, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    problems = [Problem("Invalid", host, text) for text in dns1123_subdomain(host)]
    if not _http_path(rest):
        problems.append(Problem("Invalid", rest, mismatch("Invalid path", _HTTP_PATH)))
    return problems


def domain_prefixed_key(key: str) -> list[Problem]:
    """A label key with its prefix, as pod failure reasons and the like are."""
    if not key:
        return [Problem("Required", "", "")]
    if problems := label_key(key):
        return [Problem("Invalid", key, text) for text in problems]
    if "/" not in key:
        return [Problem("Invalid", key, 'must be a domain-prefixed key (such as "acme.io/foo")')]
    return []
