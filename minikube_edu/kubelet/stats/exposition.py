"""Prometheus' text format, written directly: a page of metrics is a list of families.

# HELP name what it is
# TYPE name gauge
name{label="value"} 1.5 1767225600000
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Family:
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
    """As Go prints it: 1.024e+06, 0.25, 3."""
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    if abs(value) >= 1e21 or 0 < abs(value) < 1e-4 or (value == int(value) and abs(value) >= 1e6):
        digits, _, exponent = repr(float(f"{value:.17g}")).partition("e")
        if not exponent:
            mantissa, _, exponent = f"{value:.16e}".partition("e")
            digits = mantissa.rstrip("0").rstrip(".")
        sign, size = exponent[0] if exponent[0] in "+-" else "+", exponent.lstrip("+-").lstrip("0") or "0"
        return f"{digits}e{sign}{size.rjust(2, '0')}"
    return repr(value)
