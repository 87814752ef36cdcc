"""memcached: the text protocol (set, get, add, replace, append, delete, incr, touch, flush_all, stats)."""

from __future__ import annotations

import asyncio
import signal

from minikube_edu.cni.contract import Connection, Listener
from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.lib import clock

VERSION = "1.6.39"
LARGEST = 1 << 20
MONTH = 60 * 60 * 24 * 30  # longer times are dates


class Cache:
    def __init__(self, process: Process) -> None:
        self.process = process
        self.items: dict[bytes, tuple[bytes, int, float, int]] = {}  # value, flags, expiry (0: never), version
        self.counter = 0
        self.counts = {"cmd_get": 0, "cmd_set": 0, "get_hits": 0, "get_misses": 0, "total_connections": 0}
        self.tasks: set[asyncio.Task[None]] = set()
        self.started = clock.now()

    def get(self, key: bytes) -> tuple[bytes, int, float, int] | None:
        item = self.items.get(key)
        if item is not None and item[2] and item[2] <= clock.now():
            del self.items[key]
            return None
        return item

    def put(self, key: bytes, value: bytes, flags: int, expires: int) -> None:
        self.counter += 1
        expiry = 0.0 if not expires else float(expires) if expires > MONTH else clock.now() + expires
        self.items[key] = (value, flags, expiry, self.counter)

    def store(self, verb: bytes, key: bytes, value: bytes, flags: int, expires: int) -> bytes:
        self.counts["cmd_set"] += 1
        known = self.get(key)
        if (verb == b"add" and known) or (verb in (b"replace", b"append", b"prepend") and not known):
            return b"NOT_STORED\r\n"
        if known and verb in (b"append", b"prepend"):
            value, flags = (known[0] + value if verb == b"append" else value + known[0]), known[1]
        self.put(key, value, flags, expires)
        return b"STORED\r\n"

    def answer(self, words: list[bytes]) -> bytes:
        verb = words[0].lower()
        if verb in (b"get", b"gets"):
            return self.fetch(words[1:], verb == b"gets")
        if verb == b"delete" and len(words) > 1:
            return b"DELETED\r\n" if self.get(words[1]) and self.items.pop(words[1]) else b"NOT_FOUND\r\n"
        if verb in (b"incr", b"decr") and len(words) > 2:
            return self.count(words[1], words[2], 1 if verb == b"incr" else -1)
        if verb == b"touch" and len(words) > 2:
            item = self.get(words[1])
            if item is None:
                return b"NOT_FOUND\r\n"
            self.put(words[1], item[0], item[1], int(words[2]))
            return b"TOUCHED\r\n"
        if verb == b"flush_all":
            self.items.clear()
            return b"OK\r\n"
        if verb == b"version":
            return b"VERSION %s\r\n" % VERSION.encode()
        if verb == b"stats":
            facts = {
                "pid": self.process.pid,
                "uptime": int(clock.now() - self.started),
                "version": VERSION,
                **self.counts,
                "curr_connections": len(self.tasks),
                "curr_items": len(self.items),
                "limit_maxbytes": 67108864,
            }
            return "".join(f"STAT {name} {value}\r\n" for name, value in facts.items()).encode() + b"END\r\n"
        return b"ERROR\r\n"

    def fetch(self, keys: list[bytes], versions: bool) -> bytes:
        if not keys:
            return b"ERROR\r\n"
        result = b""
        for key in keys:
            self.counts["cmd_get"] += 1
            item = self.get(key)
            self.counts["get_hits" if item else "get_misses"] += 1
            if item is not None:
                version = b" %d" % item[3] if versions else b""
                result += b"VALUE %s %d %d%s\r\n%s\r\n" % (key, item[1], len(item[0]), version, item[0])
        return result + b"END\r\n"

    def count(self, key: bytes, step: bytes, sign: int) -> bytes:
        item = self.get(key)
        if item is None:
            return b"NOT_FOUND\r\n"
        if not item[0].isdigit() or not step.isdigit():
            return b"CLIENT_ERROR cannot increment or decrement non-numeric value\r\n"
        value = b"%d" % max(0, int(item[0]) + sign * int(step))
        self.items[key] = (value, *item[1:])
        return value + b"\r\n"

    async def talk(self, connection: Connection) -> None:
        buffer = b""
        try:
            while True:
                while b"\n" not in buffer:
                    data = await connection.read()
                    if not data or len(buffer) > 8192:
                        return
                    buffer += data
                line, _, buffer = buffer.partition(b"\n")
                words = line.split()
                await self.process.breathe()
                if not words:
                    await connection.write(b"ERROR\r\n")
                elif words[0].lower() == b"quit":
                    return
                elif words[0].lower() in (b"set", b"add", b"replace", b"append", b"prepend"):
                    if len(words) < 5 or not words[4].isdigit() or int(words[4]) > LARGEST:
                        await connection.write(b"CLIENT_ERROR bad command line format\r\n")
                        continue
                    size = int(words[4]) + 2
                    while len(buffer) < size:
                        data = await connection.read()
                        if not data:
                            return
                        buffer += data
                    value, buffer = buffer[: size - 2], buffer[size:]
                    reply = self.store(words[0].lower(), words[1], value, int(words[2]), int(words[3]))
                    if words[-1] != b"noreply":
                        await connection.write(reply)
                else:
                    await connection.write(self.answer(words))
        except (OSError, ValueError):
            pass
        finally:
            connection.close()

    async def accept(self, listener: Listener) -> None:
        while True:
            connection = await listener.accept()
            self.counts["total_connections"] += 1
            task = self.process.thread(self.talk(connection))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)


async def main(process: Process) -> int:
    words = process.argv[1:]
    if words[:1] in (["-V"], ["--version"]):
        await process.print(f"memcached {VERSION}")
        return 0
    port = 11211
    for index, word in enumerate(words[:-1]):
        if word == "-p" and words[index + 1].isdigit():
            port = int(words[index + 1])
    try:
        listener = process.network.listen(port)
    except OSError as error:
        await process.stderr.write(f"failed to listen on TCP port {port}: {reason(error)}\n".encode())
        return 71
    cache = Cache(process)
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def end(number: int) -> None:
        if not ended.done():
            ended.set_result(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        process.on_signal(number, end)
    accepting = process.thread(cache.accept(listener))
    try:
        number = signal.Signals(await ended)
        await process.stderr.write(
            f"Signal handled: {'Terminated' if number == signal.SIGTERM else 'Interrupt'}.\n".encode()
        )
        return 0
    finally:
        listener.close()
        for task in [accepting, *cache.tasks]:
            task.cancel()
