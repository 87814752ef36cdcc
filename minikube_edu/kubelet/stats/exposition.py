"""Prometheus' text format, written directly: a page of metrics is a list of families.

# HELP name what it is
# TYPE name gauge
name{label="value"} 1.5 1767225600000
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from msgspec import Struct, field

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Family(Struct):
    name: str
    help: str
    kind: str = "gauge"  # counter, histogram
    samples: list[tuple[Mapping[str, str], float, float | None]] = field(default_factory=list)

    def add(self, value: float, labels: Mapping[str, str] | None = None, at: float | None = None) -> None:
        """`at`: seconds since the epoch."""
        self.samples.append((labels or {}, value, at))


def page(families: Iterable[Family]) -> bytes:
    lines: list[str] = []
    for family in sorted(families, key=lambda one: one.name):
        if not family.samples:
            continue
        lines += [f"# HELP {family.name} {family.help}", f"# TYPE {family.name} {family.kind}"]
        for labels, value, at in family.samples:
            stamp = f" {int(at * 1000)}" if at is not None else ""
            lines.append(f"{family.name}{_labels(labels)} {number(value)}{stamp}")
    return ("\n".join(lines) + "\n").encode() if lines else b""


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(labels[name])}"' for name in sorted(labels)) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def number(value: float) -> str:
    """As Go prints it: 1.024e+06, 0.25, 3. From a million on, and below a ten thousandth, with an exponent."""
    exact = Decimal(repr(value)).normalize()
    exponent = exact.adjusted()
    if not exact or -4 <= exponent < 6:
        return f"{exact:f}"
    digits = "".join(map(str, exact.as_tuple().digits))
    mantissa = f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits
    return f"{'-' if value < 0 else ''}{mantissa}e{exponent:+03d}"
