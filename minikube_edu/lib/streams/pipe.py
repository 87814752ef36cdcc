"""A pair of byte streams that are each other's far end, inside one process: no connection, no frames.

    near, far = pipe()
    near.write(b"hello"); await far.read()

Whoever talks to streams (exec, port-forward) can be talked to without a network. Both ends keep ByteStream's rules:
`end` ends one direction, `reset` both, `drained` waits while the reader is far behind.
"""

from __future__ import annotations

from minikube_edu.lib.streams.byte_stream import ByteStream, Session, StreamReset
from minikube_edu.lib.streams.write_gate import WriteGate


class PipeEnd(Session):
    other: PipeEnd

    def __init__(self) -> None:
        super().__init__()
        self.gate = WriteGate()
        self.stream = self.streams[0] = ByteStream(self, 0)

    def close(self) -> None:
        """Both ends are closed: what was written can still be read."""
        for end in (self, self.other):
            if not end.closed:
                end.gate.resume_writing()
                end._lost()

    def _send(self, stream: ByteStream, data: bytes) -> None:
        self.other.stream.feed(data)

    def _end(self, stream: ByteStream) -> None:
        self.other.stream.feed_end()
        if stream.far_ended:
            self.close()

    def _reset(self, stream: ByteStream) -> None:
        self.other.stream.fail(StreamReset("the far end reset the stream"))
        self.close()

    def _read_on(self, go: bool) -> None:
        if go:
            self.other.gate.resume_writing()
        else:
            self.other.gate.pause_writing()

    async def _drained(self) -> None:
        await self.gate.passed()


def pipe() -> tuple[ByteStream, ByteStream]:
    near, far = PipeEnd(), PipeEnd()
    near.other, far.other = far, near
    return near.stream, far.stream
