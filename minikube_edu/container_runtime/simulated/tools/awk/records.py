"""Inputs as records: lines by default, paragraphs, or whatever RS says; and records as fields."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import OpenFile, Process
from minikube_edu.container_runtime.simulated.tools import long_texts, regular_expressions
from minikube_edu.container_runtime.simulated.tools.awk.values import Fatal
from minikube_edu.container_runtime.simulated.tools.streams import BLOCK, LONGEST_LINE, decode, held


class Records:
    """The records of one input."""

    def __init__(self, process: Process, file: OpenFile) -> None:
        self.process, self.file = process, file
        self.buffer = ""
        self.position = 0
        self.partial = b""  # an unfinished UTF-8 character at the end of a block
        self.ended = False

    async def more(self) -> bool:
        block = await self.file.read(BLOCK)
        await self.process.breathe()
        if not block:
            self.ended = True
            self.buffer = self.buffer[self.position :] + decode(self.partial)
            self.position, self.partial = 0, b""
            return False
        block = self.partial + block
        cut = len(block)
        for back in range(1, min(4, len(block)) + 1):
            byte = block[-back]
            if byte >= 0xC0:
                needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
                cut = len(block) - back if back < needed else len(block)
                break
            if byte < 0x80:
                break
        self.partial = block[cut:]
        self.buffer = self.buffer[self.position :] + decode(block[:cut])
        self.position = 0
        held(self.process, len(self.buffer), LONGEST_LINE)
        return True

    def waits(self) -> bool:
        return "\n" not in self.buffer[self.position :] and not self.ended

    async def record(self, separator: str) -> str | None:
        if separator == "":
            return await self.paragraph()
        pattern = regular_expressions.compile(separator, awk=True) if len(separator) > 1 else None
        searched = self.position
        while True:
            if pattern is None:
                start = self.buffer.find(separator, searched)
                end = start + 1
            else:
                match = pattern.search(self.buffer, self.position)
                while match is not None and match.end() == match.start():
                    match = pattern.search(self.buffer, match.end() + 1) if match.end() < len(self.buffer) else None
                start, end = (match.start(), match.end()) if match is not None else (-1, -1)
                if match is not None and end == len(self.buffer) and not self.ended:
                    start = -1  # it might go on in the next block
            if start >= 0:
                record = self.buffer[self.position : start]
                self.position = end
                return record
            if self.ended:
                rest = self.buffer[self.position :]
                self.buffer, self.position = "", 0
                if separator != "\n" and rest.endswith("\n"):
                    rest = rest if pattern is None else rest.removesuffix("\n")
                return rest or None
            unread = len(self.buffer) - self.position
            await self.more()
            searched = self.position + (unread if pattern is None else 0)

    async def paragraph(self) -> str | None:
        while True:
            while self.buffer.startswith("\n", self.position):
                self.position += 1
            end = self.buffer.find("\n\n", self.position)
            if end >= 0:
                record = self.buffer[self.position : end]
                self.position = end + 2
                return record
            if self.ended:
                rest = self.buffer[self.position :].rstrip("\n")
                self.buffer, self.position = "", 0
                return rest or None
            await self.more()


MOST_FIELDS = 100_000  # they are found at once


def limited(record: str, count: int) -> str:
    if count > MOST_FIELDS:
        raise Fatal("out of memory")
    return record


def fields(record: str, separator: str, paragraphs: bool = False) -> list[str]:
    if separator == " ":
        if len(record) > MOST_FIELDS:
            limited(record, record.count(" ") + record.count("\n") + record.count("\t"))
        return [field for field in record.replace("\n", " ").replace("\t", " ").split(" ") if field]
    if not record:
        return []
    if separator == "":
        return list(limited(record, len(record)))
    if len(separator) == 1 and separator not in "\\" and not paragraphs:
        return limited(record, record.count(separator)).split(separator)
    text = "\\" + separator if len(separator) == 1 else separator
    pattern = regular_expressions.compile(f"({text})|\n" if paragraphs else text, awk=True)
    result, start, position = [], 0, 0
    while position <= len(record):
        match = long_texts.at_once(pattern, record).search(record, position)
        if match is None:
            break
        if match.end() == match.start():
            position = match.end() + 1
            continue
        result.append(record[start : match.start()])
        limited(record, len(result))
        start = position = match.end()
    result.append(record[start:])
    return result
