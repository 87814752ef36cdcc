"""Quantities: `100m` of a CPU, `1536Mi` of memory, `5k` pods.

A quantity is an exact decimal number with the family of suffixes that its author chose: binary (Ki Mi Gi Ti Pi Ei),
decimal (n u m, none, k M G T P E) or exponent (1e3). The server re-writes what it is sent in canonical form: the
largest suffix with which no fraction is left. `canonical` does that, remembers it, and is what runs on every write.

The real type (apimachinery's resource.Quantity) keeps a text that it takes for canonical already; its notion of that is
slightly wrong (`012`, `+5` and `1.500` survive) and is kept, because clients see it. Finest unit is 1n, rounded away
from zero; binary quantities end at 2^63-1. Errors are ValueErrors with the real text.
"""

from __future__ import annotations

import re
from functools import lru_cache, total_ordering

from minikube_edu.lib.gotext import parse_int

BINARY = "BinarySI"
DECIMAL = "DecimalSI"
EXPONENT = "DecimalExponent"
MAX_INT64 = (1 << 63) - 1

FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
SUFFIX_WRONG = "unable to parse quantity's suffix"

_SHAPE = re.compile(r"([+-]?)0*([0-9]*)(\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_NAMES = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_NAMES = {0: "", **{exponent: suffix for suffix, exponent in _BINARY.items()}}


@total_ordering
class Quantity:
    """`unscaled` × 10^`exponent`, in the family `format`. Immutable: arithmetic gives a new one."""

    __slots__ = ("_text", "exponent", "format", "unscaled")

    def __init__(self, unscaled: int, exponent: int = 0, format: str = DECIMAL, text: str | None = None) -> None:
        self.unscaled = unscaled
        self.exponent = exponent
        self.format = format
        self._text = text

    @classmethod
    def from_milli(cls, milli: int, format: str = DECIMAL) -> Quantity:
        return cls(milli, -3, format)

    def value(self) -> int:
        """The whole number, rounded away from zero; never cut to 64 bits, as the real one does beyond them."""
        return self._at_scale(0)

    def milli_value(self) -> int:
        return self._at_scale(-3)

    def is_zero(self) -> bool:
        return self.unscaled == 0

    def sign(self) -> int:
        return (self.unscaled > 0) - (self.unscaled < 0)

    def __float__(self) -> float:
        try:
            return self.unscaled * 10.0**self.exponent
        except OverflowError:
            return float("inf") * self.sign()

    def add(self, other: Quantity) -> Quantity:
        exponent = min(self.exponent, other.exponent)
        total = self._at_scale(exponent) + other._at_scale(exponent)
        return Quantity(total, exponent, self.format if self.unscaled else other.format)

    def sub(self, other: Quantity) -> Quantity:
        return self.add(other.neg())

    def mul(self, factor: int) -> Quantity:
        return Quantity(self.unscaled * factor, self.exponent, self.format)

    def neg(self) -> Quantity:
        return Quantity(-self.unscaled, self.exponent, self.format)

    def cmp(self, other: Quantity) -> int:
        if self.sign() != other.sign() or not self.unscaled:
            return (self.sign() > other.sign()) - (self.sign() < other.sign())
        # Different lengths decide without building a number of a billion digits.
        mine = len(str(abs(self.unscaled))) + self.exponent
        theirs = len(str(abs(other.unscaled))) + other.exponent
        if mine != theirs:
            return self.sign() if mine > theirs else -self.sign()
        exponent = min(self.exponent, other.exponent)
        a, b = self._at_scale(exponent), other._at_scale(exponent)
        return (a > b) - (a < b)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.cmp(other) == 0

    def __lt__(self, other: Quantity) -> bool:
        return self.cmp(other) < 0

    def __hash__(self) -> int:
        return hash(_strip(self.unscaled, self.exponent))

    def __repr__(self) -> str:
        return f"<Quantity {self}>"

    def __str__(self) -> str:
        if self._text is None:
            self._text = self._canonical()
        return self._text

    def _at_scale(self, exponent: int) -> int:
        shift = self.exponent - exponent
        if not self.unscaled:
            return 0
        if shift >= 0:
            return self.unscaled * _power(shift)
        return _divide_up(self.unscaled, -shift)

    def _canonical(self) -> str:
        if not self.unscaled:
            return "0"
        family = self.format
        if family == BINARY:
            # Below one Ki, or with a fraction, a binary suffix would have to round.
            small = self.exponent < 5 and -1024 < float(self) < 1024
            if small or (self.exponent < 0 and self.unscaled % 10**-self.exponent):
                family = DECIMAL
        if family == BINARY:
            number, exponent = self._at_scale(0), 0
            while number % 1024 == 0:
                number, exponent = number // 1024, exponent + 10
            return f"{number}{_BINARY_NAMES.get(exponent, '')}"
        number, exponent = _strip(self.unscaled, self.exponent)
        number, exponent = number * 10 ** (exponent % 3), exponent - exponent % 3
        if family == DECIMAL:
            return f"{number}{_DECIMAL_NAMES.get(exponent, '')}"
        return f"{number}e{exponent}" if exponent else str(number)


def parse(text: str) -> Quantity:
    shape = _SHAPE.fullmatch(text)
    if not text or shape is None:
        raise ValueError(FORMAT_WRONG)
    sign, number, fraction, suffix = shape[1], shape[2] or "0", shape[4] or "", shape[5]
    exponent, family = _suffix(suffix)
    if family == BINARY:
        return _binary(text, sign, number, fraction, exponent)

    scale, digits = exponent - len(fraction), number + fraction
    short = len(digits) <= 18 and scale >= -9
    reuse = short and scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"
    unscaled = int(digits)
    if scale < -9:
        unscaled, scale = _divide_up(unscaled, -9 - scale), -9
    return Quantity(-unscaled if sign == "-" else unscaled, scale, family, text if reuse else None)


def _binary(text: str, sign: str, number: str, fraction: str, exponent: int) -> Quantity:
    unscaled, scale, family = int(number + fraction) << exponent, -len(fraction), BINARY
    reuse = not fraction and len(number) + exponent * 3 // 10 <= 14 and int(number) & 7 != 0
    if scale < -9:
        unscaled, scale = _divide_up(unscaled, -9 - scale), -9
    if unscaled > MAX_INT64 * 10**-scale:
        unscaled, scale, reuse = MAX_INT64, 0, False
    if 0 < unscaled < 10**-scale:
        family = DECIMAL
    return Quantity(-unscaled if sign == "-" else unscaled, scale, family, text if reuse else None)


def _suffix(suffix: str) -> tuple[int, str]:
    if suffix in _DECIMAL:
        return _DECIMAL[suffix], DECIMAL
    if suffix in _BINARY:
        return _BINARY[suffix], BINARY
    if len(suffix) > 1 and suffix[0] in "eE":
        try:
            exponent = parse_int(suffix[1:])
        except ValueError:
            raise ValueError(SUFFIX_WRONG) from None
        return (exponent + (1 << 31)) % (1 << 32) - (1 << 31), EXPONENT  # the real one cuts to 32 bits
    raise ValueError(SUFFIX_WRONG)


def _power(exponent: int) -> int:
    return int(10**exponent)


def _divide_up(number: int, places: int) -> int:
    """number / 10^places, away from zero."""
    if not number:
        return 0
    if places > len(str(abs(number))):
        return 1 if number > 0 else -1
    return -(-number // _power(places)) if number > 0 else number // _power(places)


def _strip(number: int, exponent: int) -> tuple[int, int]:
    """Without factors of ten."""
    if not number:
        return 0, 0
    while number % 10 == 0:
        number, exponent = number // 10, exponent + 1
    return number, exponent


@lru_cache(maxsize=4096)
def _canonical_text(text: str) -> str:
    return str(parse(text))


def canonical(value: object) -> str:
    """What the server stores for a quantity of a JSON document: a text, a number, or null. (A float has lost its
    spelling here: `1e3` is taken as 1000.)"""
    if isinstance(value, str):
        return _canonical_text(value.strip())
    if value is None:
        return "0"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(FORMAT_WRONG)
    text = repr(value)
    return _canonical_text(text.removesuffix(".0"))
