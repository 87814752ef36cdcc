"""How far apart two words are: the number of letters to change, add or leave out (Levenshtein)."""

from __future__ import annotations


def distance(a: str, b: str) -> int:
    row = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, right in enumerate(b, 1):
            before, row[j] = row[j], before if left == right else 1 + min(before, row[j], row[j - 1])
    return row[-1]
