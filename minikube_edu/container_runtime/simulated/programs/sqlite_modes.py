"""How sqlite3 shows rows: list, csv, column, table, box, markdown, line, json, tabs, quote, insert, html."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from msgspec import Struct

Rows = list[list[Any]]
BOXES = {"table": ("+", "+", "+", "-", "|"), "box": "┌┬┐─│", "markdown": ("|", "|", "|", "-", "|")}


class Looks(Struct):
    mode: str = "list"
    headers: bool = False
    separator: str = "|"
    null: str = ""
    csv_end: str = "\n"  # .mode csv: as spreadsheets want it
    table: str = "table"  # of mode insert

    def text(self, value: Any) -> str:
        if value is None:
            return self.null
        if isinstance(value, bytes):
            return value.decode("utf-8", "surrogateescape")
        return number(value) if isinstance(value, float) else str(value)


def number(value: float) -> str:
    text = f"{value:.15g}"
    return text if set(text) & set(".einf") else text + ".0"


def quoted(value: Any) -> str:
    """As it is written in SQL."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return number(value) if isinstance(value, float) else str(value)


def shown(looks: Looks, columns: list[str], rows: Rows) -> str:
    """Nothing where there are no rows, as the real one."""
    return MODES[looks.mode](looks, columns, rows) if rows else ""


def in_list(looks: Looks, columns: list[str], rows: Rows) -> str:
    separator = "\t" if looks.mode == "tabs" else looks.separator
    lines = [separator.join(columns)] if looks.headers else []
    return "".join(line + "\n" for line in lines + [separator.join(map(looks.text, row)) for row in rows])


def in_csv(looks: Looks, columns: list[str], rows: Rows) -> str:
    def cell(value: Any) -> str:
        text = looks.text(value)
        if isinstance(value, str) and (not text or any(mark in text for mark in ", \"'\n\r\t;") or not text.isascii()):
            return '"' + text.replace('"', '""') + '"'
        return text

    separator = looks.separator if looks.separator != "|" else ","
    lines: Rows = [list(columns)] if looks.headers else []
    return "".join(separator.join(map(cell, row)) + looks.csv_end for row in lines + rows)


def in_columns(looks: Looks, columns: list[str], rows: Rows) -> str:
    cells = [[looks.text(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    if looks.mode == "column":
        lines = [columns, ["-" * width for width in widths], *cells]
        return "".join(
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + "\n" for line in lines
        )
    left, middle, right, line, wall = BOXES[looks.mode]

    def rule(left: str, middle: str, right: str) -> str:
        return left + middle.join(line * (width + 2) for width in widths) + right + "\n"

    def row(values: list[str], centred: bool = False) -> str:
        padded = [" " * ((width - len(cell)) // 2 * centred) + cell for cell, width in zip(values, widths, strict=True)]
        return (
            wall + wall.join(f" {cell.ljust(width)} " for cell, width in zip(padded, widths, strict=True)) + wall + "\n"
        )

    body = "".join(map(row, cells))
    if looks.mode == "markdown":
        return row(columns, True) + rule(left, middle, right) + body
    if looks.mode == "table":
        return rule(left, middle, right) + row(columns, True) + rule(left, middle, right) + body + rule("+", "+", "+")
    return rule(left, middle, right) + row(columns, True) + rule("├", "┼", "┤") + body + rule("└", "┴", "┘")


def in_lines(looks: Looks, columns: list[str], rows: Rows) -> str:
    width = max([5, *map(len, columns)])
    return "\n".join(
        "".join(f"{name:>{width}} = {looks.text(value)}\n" for name, value in zip(columns, row, strict=True))
        for row in rows
    )


def in_json(looks: Looks, columns: list[str], rows: Rows) -> str:
    def one(row: list[Any]) -> str:
        values = (looks.text(value) if isinstance(value, bytes) else value for value in row)
        return json.dumps(dict(zip(columns, values, strict=True)), separators=(",", ":"), ensure_ascii=False)

    return "[" + ",\n".join(map(one, rows)) + "]\n"


def in_quotes(looks: Looks, columns: list[str], rows: Rows) -> str:
    lines: Rows = [list(columns)] if looks.headers else []
    return "".join(",".join(map(quoted, row)) + "\n" for row in lines + rows)


def as_inserts(looks: Looks, columns: list[str], rows: Rows) -> str:
    name = f'"{looks.table}"' if looks.table == "table" else looks.table
    names = f"({','.join(columns)})" if looks.headers else ""
    return "".join(f"INSERT INTO {name}{names} VALUES({','.join(map(quoted, row))});\n" for row in rows)


def in_html(looks: Looks, columns: list[str], rows: Rows) -> str:
    from html import escape

    def line(kind: str, values: list[Any]) -> str:
        return "<TR>" + "\n".join(f"<{kind}>{escape(looks.text(value))}</{kind}>" for value in values) + "\n</TR>\n"

    return (line("TH", list(columns)) if looks.headers else "") + "".join(line("TD", row) for row in rows)


MODES: dict[str, Callable[[Looks, list[str], Rows], str]] = {
    "list": in_list, "tabs": in_list, "csv": in_csv, "column": in_columns, "table": in_columns, "box": in_columns,
    "markdown": in_columns, "line": in_lines, "json": in_json, "quote": in_quotes, "insert": as_inserts,
    "html": in_html,
}  # fmt: skip
