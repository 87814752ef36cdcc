"""The bytes of a file that is being written: pieces of 64 KiB, of which empty ones cost nothing.

`dd if=/dev/zero of=file bs=1M count=1000` makes a file of a gigabyte that takes no memory of the host; `held` says how
much really is kept.
"""

from __future__ import annotations

PIECE = 65536
ZEROS = bytes(PIECE)


class Content:
    __slots__ = ("held", "pieces", "size")

    def __init__(self, data: bytes = b"") -> None:
        self.pieces: dict[int, bytearray] = {}
        self.size = 0
        self.held = 0
        if data:
            self.write(0, data)

    def copy(self) -> Content:
        twin = Content()
        twin.pieces = {index: bytearray(piece) for index, piece in self.pieces.items()}
        twin.size, twin.held = self.size, self.held
        return twin

    def read(self, offset: int, size: int) -> bytes:
        size = min(size, self.size - offset)
        if size <= 0:
            return b""
        found = []
        while size > 0:
            index, start = divmod(offset, PIECE)
            count = min(size, PIECE - start)
            piece = self.pieces.get(index)
            data = b"" if piece is None else bytes(piece[start : start + count])
            found.append(data + bytes(count - len(data)) if len(data) < count else data)
            offset += count
            size -= count
        return found[0] if len(found) == 1 else b"".join(found)

    def write(self, offset: int, data: bytes) -> None:
        view = memoryview(data)
        end = offset + len(data)
        while view:
            index, start = divmod(offset, PIECE)
            count = min(len(view), PIECE - start)
            self._put(index, start, bytes(view[:count]))
            view = view[count:]
            offset += count
        self.size = max(self.size, end)

    def _put(self, index: int, start: int, data: bytes) -> None:
        piece = self.pieces.get(index)
        if piece is None:
            if len(data) == PIECE and data == ZEROS:
                return
            piece = self.pieces[index] = bytearray()
        before = len(piece)
        if start > before:
            piece.extend(bytes(start - before))
        piece[start : start + len(data)] = data
        self.held += len(piece) - before

    def truncate(self, size: int) -> None:
        if size < self.size:
            last, start = divmod(size, PIECE)
            for index in [index for index in self.pieces if index > last or (index == last and start == 0)]:
                self.held -= len(self.pieces.pop(index))
            piece = self.pieces.get(last)
            if piece is not None and len(piece) > start:
                self.held -= len(piece) - start
                del piece[start:]
        self.size = size
