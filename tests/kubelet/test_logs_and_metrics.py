"""Log files that are read from the end; numbers as Prometheus wants them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.kubelet.server import log_reading
from minikube_edu.kubelet.server.log_reading import LogOptions, LogReader, tail_position
from minikube_edu.kubelet.stats.exposition import Family, number, page


@given(st.binary(max_size=60).map(lambda data: data.replace(b"x", b"\n")), st.integers(0, 8), st.integers(1, 7))
def test_does_the_tail_begin_where_counting_says(data: bytes, lines: int, piece: int) -> None:
    before, log_reading.PIECE = log_reading.PIECE, piece
    try:
        at = tail_position(io.BytesIO(data), lines)
    finally:
        log_reading.PIECE = before
    *whole, rest = data.split(b"\n")
    parts = [part + b"\n" for part in whole] + ([rest] if rest else [])
    assert data[at:] == (b"".join(parts[-lines:]) if lines else b"")


async def test_is_a_last_line_without_an_end_shown(tmp_path: Path) -> None:
    path = tmp_path / "0.log"
    path.write_bytes(b"2026-01-01T00:00:01Z stdout F one\n2026-01-01T00:00:02Z stdout F tw")
    reader = LogReader(path, LogOptions(), lambda: False)
    assert b"".join([piece async for piece in reader.pieces()]) == b"one\ntw\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (3, "3"), (0.25, "0.25"), (1048576, "1.048576e+06"), (1e6, "1e+06"),
        (1767225600.5, "1.7672256005e+09"),
        (1e-9, "1e-09"), (8589934592, "8.589934592e+09"), (123456.75, "123456.75"), (0.001, "0.001"),
    ],
)  # fmt: skip
def test_are_numbers_written_as_go_does(value: float, text: str) -> None:
    assert number(value) == text


def test_what_does_a_page_of_metrics_look_like() -> None:
    family = Family("x_total", "How many.", "counter")
    family.add(2, {"b": 'say "x"', "a": "1"}, 1.5)
    assert page([family, Family("empty", "Nothing.")]) == (
        b'# HELP x_total How many.\n# TYPE x_total counter\nx_total{a="1",b="say \\"x\\""} 2 1500\n'
    )


@given(st.floats(min_value=0, max_value=1e18, allow_nan=False))
def test_is_every_number_read_again(value: float) -> None:
    assert float(number(value)) == pytest.approx(value, rel=1e-12)
