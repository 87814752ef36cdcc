"""Columns from tabs, as Go's text/tabwriter lays them out: every table and every description that kubectl prints.

A cell ends with a tab. A column is a run of lines that follow each other and have a cell there; what stands behind a
line's last tab belongs to no column and is not padded. Widths are counted in characters.

    align("NAME\\tAGE\\na\\t5m\\n", minimum=6, padding=3) -> "NAME   AGE\\na      5m\\n"
"""

from __future__ import annotations

from typing import NamedTuple


class Style(NamedTuple):
    minimum: int  # width of a column
    padding: int


TABLE = Style(6, 3)
DESCRIPTION = Style(0, 2)


def align(text: str, style: Style, remembered: list[int] | None = None) -> str:
    """`remembered`: widths of an earlier call for the same table, which never shrink (a watch prints row by row)."""
    lines = [line.split("\t") for line in text.split("\n")]
    layout = _Layout(lines, style, remembered)
    layout.block(0, len(lines))
    return "".join(layout.out)[:-1]


class _Layout:
    def __init__(self, lines: list[list[str]], style: Style, remembered: list[int] | None) -> None:
        self.lines = lines
        self.style = style
        self.remembered = remembered
        self.widths: list[int] = []
        self.out: list[str] = []

    def block(self, first: int, last: int) -> None:
        """Lay out the lines first..last, whose columns so far are `self.widths`."""
        column = len(self.widths)
        at = first
        while at < last:
            if column >= len(self.lines[at]) - 1:
                at += 1
                continue
            self.write(first, at)
            first = at
            while at < last and column < len(self.lines[at]) - 1:
                at += 1
            widest = max(len(self.lines[index][column]) for index in range(first, at))
            self.widths.append(self.remember(column, max(widest + self.style.padding, self.style.minimum)))
            self.block(first, at)
            self.widths.pop()
            first = at
        self.write(first, last)

    def remember(self, column: int, width: int) -> int:
        if self.remembered is None:
            return width
        if len(self.remembered) < column:
            self.remembered += self.widths[len(self.remembered) :]
        if len(self.remembered) == column:
            self.remembered.append(width)
        self.remembered[column] = max(width, self.remembered[column])
        return self.remembered[column]

    def write(self, first: int, last: int) -> None:
        for cells in self.lines[first:last]:
            padded = [cell.ljust(width) for cell, width in zip(cells, self.widths, strict=False)]
            self.out.append("".join(padded + cells[len(self.widths) :]) + "\n")
