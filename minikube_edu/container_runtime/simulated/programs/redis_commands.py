"""What redis-server does: its data types, and a method for each command.

Values are bytes, lists, sets, dicts (hashes) and dicts of scores (sorted sets); a key of the wrong kind is WRONGTYPE.
Expired keys are gone when somebody looks. The file is long because Redis has many commands: a method each, few lines.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Awaitable, Callable
from typing import Any

from minikube_edu.cni.contract import Connection
from minikube_edu.container_runtime.simulated.kernel.baton import give_way, in_turns
from minikube_edu.container_runtime.simulated.kernel.scheduler import breathe
from minikube_edu.container_runtime.simulated.programs.redis_wire import Failure, Status, pack
from minikube_edu.lib import clock, ids

OK = Status("OK")
WRONG_TYPE = Failure("WRONGTYPE Operation against a key holding the wrong kind of value")
NOT_A_NUMBER = Failure("ERR value is not an integer or out of range")
SYNTAX = Failure("ERR syntax error")
AT_ONCE = 1000  # keys or answers that are looked at without a pause
HEAVY = ("keys", "scan")  # what looks at every key
FREE = ("auth", "hello", "quit")  # without a password


UNITS = {"": 1, "b": 1, "k": 1000, "kb": 1024, "m": 1000**2, "mb": 1024**2, "g": 1000**3, "gb": 1024**3}


def plain(name: str, value: str) -> str:
    """A setting as redis keeps it: `maxmemory 2mb` is a number of bytes."""
    found = re.fullmatch(r"(\d+)([kmgb]*)", value.lower()) if name == "maxmemory" else None
    return str(int(found[1]) * UNITS[found[2]]) if found and found[2] in UNITS else value


class ScoreSet(dict[bytes, float]):
    """A sorted set."""

    def ordered(self) -> list[tuple[bytes, float]]:
        return sorted(self.items(), key=lambda item: (item[1], item[0]))


class Store:
    def __init__(self, pid: int, version: str) -> None:
        self.pid = pid
        self.version = version
        self.databases: list[dict[bytes, Any]] = [{} for _ in range(16)]
        self.expiries: list[dict[bytes, float]] = [{} for _ in range(16)]
        self.clients: set[Client] = set()
        self.started = clock.now()
        self.commands = 0
        self.last_save = clock.now()
        self.save: Callable[[], Awaitable[None]] | None = None
        self.shut_down: Callable[[], None] | None = None
        self.config: dict[str, str] = {
            "port": "6379",
            "bind": "* -::*",
            "maxmemory": "0",
            "maxmemory-policy": "noeviction",
            "requirepass": "",
            "appendonly": "no",
            "save": "3600 1 300 100 60 10000",
            "dir": "",
            "dbfilename": "dump.rdb",
            "timeout": "0",
            "databases": "16",
            "maxclients": "10000",
            "loglevel": "notice",
            "protected-mode": "no",
            "replicaof": "",
            "tcp-keepalive": "300",
            "cluster-enabled": "no",
        }

    def live(self, number: int, key: bytes) -> Any:
        expiry = self.expiries[number].get(key)
        if expiry is not None and expiry <= clock.now():
            self.databases[number].pop(key, None)
            del self.expiries[number][key]
        return self.databases[number].get(key)

    def keys(self, number: int) -> list[bytes]:
        found = []
        for key in list(self.databases[number]):
            give_way()
            if self.live(number, key) is not None:
                found.append(key)
        return found

    def dump(self) -> list[list[Any]]:
        """For the dump file: plain JSON."""
        rows: list[list[Any]] = []
        for number in range(16):
            for key in self.keys(number):
                value = self.databases[number][key]
                kind, plain = _plain(value)
                rows.append([number, _text(key), kind, plain, self.expiries[number].get(key)])
        return rows

    def load(self, rows: list[list[Any]]) -> None:
        for number, key, kind, plain, expiry in rows:
            self.databases[number][_bytes(key)] = _value(kind, plain)
            if expiry is not None:
                self.expiries[number][_bytes(key)] = expiry


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _plain(value: Any) -> tuple[str, Any]:
    if isinstance(value, bytes):
        return "string", _text(value)
    if isinstance(value, list):
        return "list", [_text(one) for one in value]
    if isinstance(value, set):
        return "set", sorted(_text(one) for one in value)
    if isinstance(value, ScoreSet):
        return "zset", {_text(name): score for name, score in value.items()}
    return "hash", {_text(name): _text(one) for name, one in value.items()}


def _value(kind: str, plain: Any) -> Any:
    if kind == "string":
        return _bytes(plain)
    if kind == "list":
        return [_bytes(one) for one in plain]
    if kind == "set":
        return {_bytes(one) for one in plain}
    if kind == "zset":
        return ScoreSet({_bytes(name): float(score) for name, score in plain.items()})
    return {_bytes(name): _bytes(one) for name, one in plain.items()}


class Client:
    """One connection: which database, whether it said the password, what it listens to."""

    def __init__(self, store: Store, connection: Connection) -> None:
        self.store = store
        self.connection = connection
        self.number = 0
        self.authenticated = False
        self.closing = False
        self.channels: list[bytes] = []
        self.patterns: list[bytes] = []
        self.queue: list[list[bytes]] | None = None
        self.name = ""

    async def serve(self, words: list[bytes]) -> None:
        for answer in await self.answers(words):
            if isinstance(answer, list) and len(answer) > AT_ONCE:
                await self.connection.write(b"*%d\r\n" % len(answer))
                for start in range(0, len(answer), AT_ONCE):
                    await self.connection.write(b"".join(map(pack, answer[start : start + AT_ONCE])))
                    await breathe()
            else:
                await self.connection.write(pack(answer))

    async def answers(self, words: list[bytes]) -> list[Any]:
        name = _text(words[0]).lower()
        store = self.store
        store.commands += 1
        if store.config["requirepass"] and not self.authenticated and name not in FREE:
            return [Failure("NOAUTH Authentication required.")]
        if name in ("subscribe", "psubscribe", "unsubscribe", "punsubscribe"):
            return self.subscribe(name, words[1:])
        if self.queue is not None and name not in ("exec", "discard", "multi"):
            self.queue.append(words)
            return [Status("QUEUED")]
        return [await self.perform(name, words)]

    async def perform(self, name: str, words: list[bytes]) -> Any:
        method = getattr(self, "do_" + name.replace("-", "_"), None)
        if method is None:
            rest = " ".join(f"'{_text(word)}'" for word in words[1:])
            return Failure(f"ERR unknown command '{_text(words[0])}', with args beginning with: {rest} ")
        try:
            if name in HEAVY and len(self.database) > AT_ONCE:
                return await in_turns(lambda: method(*words[1:]))
            result = method(*words[1:])
            return await result if hasattr(result, "__await__") else result
        except TypeError as error:
            if "argument" in str(error):
                return Failure(f"ERR wrong number of arguments for '{name}' command")
            raise
        except WrongType:
            return WRONG_TYPE
        except (ValueError, IndexError):
            return NOT_A_NUMBER

    # -- keys --------------------------------------------------------------------------------------------------------

    @property
    def database(self) -> dict[bytes, Any]:
        return self.store.databases[self.number]

    @property
    def expiries(self) -> dict[bytes, float]:
        return self.store.expiries[self.number]

    def get(self, key: bytes, kind: type, make: bool = False) -> Any:
        value = self.store.live(self.number, key)
        if value is None:
            if not make:
                return None
            value = self.database[key] = kind()
        if type(value) is not kind:
            raise WrongType
        return value

    def tidy(self, key: bytes) -> None:
        """A collection without members is no key."""
        if key in self.database and not self.database[key] and not isinstance(self.database[key], bytes):
            del self.database[key]
            self.expiries.pop(key, None)

    def do_del(self, *keys: bytes) -> Any:
        gone = 0
        for key in keys:
            if self.store.live(self.number, key) is not None:
                del self.database[key]
                self.expiries.pop(key, None)
                gone += 1
        return gone

    do_unlink = do_del

    def do_exists(self, *keys: bytes) -> Any:
        return sum(self.store.live(self.number, key) is not None for key in keys)

    def do_keys(self, pattern: bytes) -> Any:
        wanted = re.compile(fnmatch.translate(_text(pattern)))
        found = []
        for key in self.store.keys(self.number):
            give_way()
            if wanted.match(_text(key)):
                found.append(key)
        return found

    def do_scan(self, cursor: bytes, *options: bytes) -> Any:
        wanted = dict(zip([_text(o).lower() for o in options[::2]], options[1::2], strict=False))
        return [b"0", self.do_keys(wanted.get("match", b"*"))]

    def do_type(self, key: bytes) -> Any:
        value = self.store.live(self.number, key)
        return Status("none" if value is None else _plain(value)[0])

    def do_rename(self, old: bytes, new: bytes) -> Any:
        if self.store.live(self.number, old) is None:
            return Failure("ERR no such key")
        self.database[new] = self.database.pop(old)
        self.expiries.pop(new, None)
        if old in self.expiries:
            self.expiries[new] = self.expiries.pop(old)
        return OK

    def do_expire(self, key: bytes, seconds: bytes) -> Any:
        if self.store.live(self.number, key) is None:
            return 0
        self.expiries[key] = clock.now() + int(seconds)
        return 1

    def do_pexpire(self, key: bytes, milliseconds: bytes) -> Any:
        done = self.do_expire(key, b"0")
        if done:
            self.expiries[key] = clock.now() + int(milliseconds) / 1000
        return done

    def do_persist(self, key: bytes) -> Any:
        return int(self.expiries.pop(key, None) is not None)

    def do_ttl(self, key: bytes) -> Any:
        if self.store.live(self.number, key) is None:
            return -2
        expiry = self.expiries.get(key)
        return -1 if expiry is None else round(expiry - clock.now())

    def do_pttl(self, key: bytes) -> Any:
        seconds = self.do_ttl(key)
        return seconds if seconds < 0 else int((self.expiries[key] - clock.now()) * 1000)

    def do_dbsize(self) -> Any:
        return len(self.store.keys(self.number))

    def do_flushdb(self, *how: bytes) -> Any:
        self.database.clear()
        self.expiries.clear()
        return OK

    def do_flushall(self, *how: bytes) -> Any:
        for number in range(16):
            self.store.databases[number].clear()
            self.store.expiries[number].clear()
        return OK

    def do_randomkey(self) -> Any:
        keys = self.store.keys(self.number)
        return keys[ids.integer(0, len(keys) - 1)] if keys else None

    # -- strings -----------------------------------------------------------------------------------------------------

    def do_get(self, key: bytes) -> Any:
        return self.get(key, bytes)

    def do_set(self, key: bytes, value: bytes, *options: bytes) -> Any:
        words = [_text(word).lower() for word in options]
        current = self.store.live(self.number, key)
        if ("nx" in words and current is not None) or ("xx" in words and current is None):
            return None
        expiry = None
        for index, word in enumerate(words):
            if word in ("ex", "px"):
                if index + 1 >= len(words):
                    return SYNTAX
                expiry = clock.now() + int(words[index + 1]) / (1 if word == "ex" else 1000)
            elif word not in ("nx", "xx", "keepttl", "get") and not word.isdigit():
                return SYNTAX
        self.database[key] = value
        if "keepttl" not in words:
            self.expiries.pop(key, None)
        if expiry is not None:
            self.expiries[key] = expiry
        return current if "get" in words else OK

    def do_setnx(self, key: bytes, value: bytes) -> Any:
        return int(self.do_set(key, value, b"nx") is not None)

    def do_setex(self, key: bytes, seconds: bytes, value: bytes) -> Any:
        return self.do_set(key, value, b"ex", seconds)

    def do_getset(self, key: bytes, value: bytes) -> Any:
        return self.do_set(key, value, b"get")

    def do_getdel(self, key: bytes) -> Any:
        value = self.get(key, bytes)
        self.do_del(key)
        return value

    def do_mget(self, *keys: bytes) -> Any:
        values = [self.store.live(self.number, key) for key in keys]
        return [value if isinstance(value, bytes) else None for value in values]

    def do_mset(self, *pairs: bytes) -> Any:
        if len(pairs) % 2 or not pairs:
            return Failure("ERR wrong number of arguments for 'mset' command")
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            self.do_set(key, value)
        return OK

    def do_append(self, key: bytes, value: bytes) -> Any:
        self.database[key] = (self.get(key, bytes) or b"") + value
        return len(self.database[key])

    def do_strlen(self, key: bytes) -> Any:
        return len(self.get(key, bytes) or b"")

    def do_incrby(self, key: bytes, step: bytes) -> Any:
        value = int(self.get(key, bytes) or b"0") + int(step)
        self.database[key] = str(value).encode()
        return value

    def do_incr(self, key: bytes) -> Any:
        return self.do_incrby(key, b"1")

    def do_decr(self, key: bytes) -> Any:
        return self.do_incrby(key, b"-1")

    def do_decrby(self, key: bytes, step: bytes) -> Any:
        return self.do_incrby(key, str(-int(step)).encode())

    # -- lists -------------------------------------------------------------------------------------------------------

    def do_lpush(self, key: bytes, *values: bytes) -> Any:
        found = self.get(key, list, make=True)
        found[:0] = list(reversed(values))
        return len(found)

    def do_rpush(self, key: bytes, *values: bytes) -> Any:
        found = self.get(key, list, make=True)
        found.extend(values)
        return len(found)

    def _pop(self, key: bytes, at: int, count: tuple[bytes, ...]) -> Any:
        found = self.get(key, list)
        if not found:
            return None
        popped = [found.pop(at) for _ in range(min(int(count[0]) if count else 1, len(found)))]
        self.tidy(key)
        return popped if count else popped[0]

    def do_lpop(self, key: bytes, *count: bytes) -> Any:
        return self._pop(key, 0, count)

    def do_rpop(self, key: bytes, *count: bytes) -> Any:
        return self._pop(key, -1, count)

    def do_lrange(self, key: bytes, first: bytes, last: bytes) -> Any:
        found = self.get(key, list) or []
        start, end = int(first), int(last)
        return found[max(0, start + len(found)) if start < 0 else start : (len(found) + end if end < 0 else end) + 1]

    def do_llen(self, key: bytes) -> Any:
        return len(self.get(key, list) or [])

    def do_lindex(self, key: bytes, at: bytes) -> Any:
        found = self.get(key, list) or []
        return found[int(at)] if -len(found) <= int(at) < len(found) else None

    def do_lrem(self, key: bytes, count: bytes, value: bytes) -> Any:
        found = self.get(key, list) or []
        gone = 0
        while value in found and (not int(count) or gone < abs(int(count))):
            found.remove(value)
            gone += 1
        self.tidy(key)
        return gone

    # -- sets --------------------------------------------------------------------------------------------------------

    def do_sadd(self, key: bytes, *members: bytes) -> Any:
        found = self.get(key, set, make=True)
        before = len(found)
        found.update(members)
        return len(found) - before

    def do_srem(self, key: bytes, *members: bytes) -> Any:
        found = self.get(key, set) or set()
        before = len(found)
        found.difference_update(members)
        self.tidy(key)
        return before - len(found)

    def do_smembers(self, key: bytes) -> Any:
        return sorted(self.get(key, set) or ())

    def do_sismember(self, key: bytes, member: bytes) -> Any:
        return int(member in (self.get(key, set) or ()))

    def do_scard(self, key: bytes) -> Any:
        return len(self.get(key, set) or ())

    def do_sinter(self, *keys: bytes) -> Any:
        return sorted(set.intersection(*[self.get(key, set) or set() for key in keys]))

    def do_sunion(self, *keys: bytes) -> Any:
        return sorted(set().union(*[self.get(key, set) or set() for key in keys]))

    # -- hashes ------------------------------------------------------------------------------------------------------

    def do_hset(self, key: bytes, *pairs: bytes) -> Any:
        if len(pairs) % 2 or not pairs:
            return Failure("ERR wrong number of arguments for 'hset' command")
        found = self.get(key, dict, make=True)
        before = len(found)
        found.update(zip(pairs[::2], pairs[1::2], strict=True))
        return len(found) - before

    def do_hmset(self, key: bytes, *pairs: bytes) -> Any:
        done = self.do_hset(key, *pairs)
        return done if isinstance(done, Failure) else OK

    def do_hget(self, key: bytes, name: bytes) -> Any:
        return (self.get(key, dict) or {}).get(name)

    def do_hmget(self, key: bytes, *names: bytes) -> Any:
        found = self.get(key, dict) or {}
        return [found.get(name) for name in names]

    def do_hgetall(self, key: bytes) -> Any:
        return [part for pair in (self.get(key, dict) or {}).items() for part in pair]

    def do_hkeys(self, key: bytes) -> Any:
        return list(self.get(key, dict) or {})

    def do_hvals(self, key: bytes) -> Any:
        return list((self.get(key, dict) or {}).values())

    def do_hlen(self, key: bytes) -> Any:
        return len(self.get(key, dict) or {})

    def do_hexists(self, key: bytes, name: bytes) -> Any:
        return int(name in (self.get(key, dict) or {}))

    def do_hdel(self, key: bytes, *names: bytes) -> Any:
        found = self.get(key, dict) or {}
        gone = sum(found.pop(name, None) is not None for name in names)
        self.tidy(key)
        return gone

    def do_hincrby(self, key: bytes, name: bytes, step: bytes) -> Any:
        found = self.get(key, dict, make=True)
        value = int(found.get(name, b"0")) + int(step)
        found[name] = str(value).encode()
        return value

    # -- sorted sets -------------------------------------------------------------------------------------------------

    def do_zadd(self, key: bytes, *pairs: bytes) -> Any:
        if len(pairs) % 2 or not pairs:
            return SYNTAX
        found = self.get(key, ScoreSet, make=True)
        before = len(found)
        found.update({member: float(score) for score, member in zip(pairs[::2], pairs[1::2], strict=True)})
        return len(found) - before

    def do_zrange(self, key: bytes, first: bytes, last: bytes, *options: bytes) -> Any:
        words = [_text(word).lower() for word in options]
        found = (self.get(key, ScoreSet) or ScoreSet()).ordered()
        if "rev" in words:
            found.reverse()
        start, end = int(first), int(last)
        chosen = found[max(0, start + len(found)) if start < 0 else start : (len(found) + end if end < 0 else end) + 1]
        if "withscores" in words:
            return [part for member, score in chosen for part in (member, f"{score:g}")]
        return [member for member, _ in chosen]

    def do_zrevrange(self, key: bytes, first: bytes, last: bytes, *options: bytes) -> Any:
        return self.do_zrange(key, first, last, *options, b"rev")

    def do_zscore(self, key: bytes, member: bytes) -> Any:
        score = (self.get(key, ScoreSet) or {}).get(member)
        return None if score is None else f"{score:g}"

    def do_zincrby(self, key: bytes, step: bytes, member: bytes) -> Any:
        found = self.get(key, ScoreSet, make=True)
        found[member] = found.get(member, 0.0) + float(step)
        return f"{found[member]:g}"

    def do_zcard(self, key: bytes) -> Any:
        return len(self.get(key, ScoreSet) or {})

    def do_zrem(self, key: bytes, *members: bytes) -> Any:
        found = self.get(key, ScoreSet) or {}
        gone = sum(found.pop(member, None) is not None for member in members)
        self.tidy(key)
        return gone

    # -- publish and subscribe ---------------------------------------------------------------------------------------

    def subscribe(self, name: str, channels: list[bytes]) -> list[Any]:
        listening = self.patterns if name.startswith("p") else self.channels
        if "un" in name:
            channels = channels or list(listening)
            for channel in channels:
                if channel in listening:
                    listening.remove(channel)
        elif not channels:
            return [Failure(f"ERR wrong number of arguments for '{name}' command")]
        answers = []
        for channel in channels:
            if "un" not in name and channel not in listening:
                listening.append(channel)
            answers.append([name.encode(), channel, len(self.channels) + len(self.patterns)])
        return answers

    def unsubscribe_all(self) -> None:
        self.channels, self.patterns = [], []

    async def do_publish(self, channel: bytes, message: bytes) -> Any:
        heard = 0
        for client in list(self.store.clients):
            replies: list[list[bytes]] = []
            if channel in client.channels:
                replies.append([b"message", channel, message])
            replies += [
                [b"pmessage", pattern, channel, message]
                for pattern in client.patterns
                if fnmatch.fnmatchcase(_text(channel), _text(pattern))
            ]
            for reply in replies:
                heard += 1
                await client.connection.write(pack(reply))
        return heard

    # -- transactions, the connection, the server --------------------------------------------------------------------

    def do_multi(self) -> Any:
        if self.queue is not None:
            return Failure("ERR MULTI calls can not be nested")
        self.queue = []
        return OK

    def do_discard(self) -> Any:
        if self.queue is None:
            return Failure("ERR DISCARD without MULTI")
        self.queue = None
        return OK

    async def do_exec(self) -> Any:
        if self.queue is None:
            return Failure("ERR EXEC without MULTI")
        waiting, self.queue = self.queue, None
        return [await self.perform(_text(words[0]).lower(), words) for words in waiting]

    def do_ping(self, *message: bytes) -> Any:
        return message[0] if message else Status("PONG")

    def do_echo(self, message: bytes) -> Any:
        return message

    def do_select(self, number: bytes) -> Any:
        if not 0 <= int(number) < 16:
            return Failure("ERR DB index is out of range")
        self.number = int(number)
        return OK

    def do_auth(self, *words: bytes) -> Any:
        password = self.store.config["requirepass"]
        if not words:
            return Failure("ERR wrong number of arguments for 'auth' command")
        if not password:
            return Failure(
                "ERR AUTH <password> called without any password configured for the default user. "
                "Are you sure your configuration is correct?"
            )
        if _text(words[-1]) != password:
            return Failure("WRONGPASS invalid username-password pair or user is disabled.")
        self.authenticated = True
        return OK

    def do_quit(self) -> Any:
        self.closing = True
        return OK

    def do_client(self, what: bytes, *words: bytes) -> Any:
        verb = _text(what).lower()
        if verb == "setname" and words:
            self.name = _text(words[0])
        if verb == "getname":
            return self.name or None
        if verb == "list":
            return "".join(f"id=1 addr={c.connection.peer} name={c.name} db={c.number}\n" for c in self.store.clients)
        return OK

    def do_command(self, *words: bytes) -> Any:
        return []

    def do_time(self) -> Any:
        now = clock.now()
        return [str(int(now)), str(int(now % 1 * 1e6))]

    def do_lastsave(self) -> Any:
        return int(self.store.last_save)

    async def do_save(self) -> Any:
        self.store.last_save = clock.now()
        if self.store.save is not None:
            await self.store.save()
        return OK

    async def do_bgsave(self, *how: bytes) -> Any:
        await self.do_save()
        return Status("Background saving started")

    def do_shutdown(self, *how: bytes) -> Any:
        self.closing = True
        if self.store.shut_down is not None:
            self.store.shut_down()
        return OK

    def do_replicaof(self, host: bytes, port: bytes) -> Any:
        self.store.config["replicaof"] = "" if _text(host).lower() == "no" else f"{_text(host)} {_text(port)}"
        return OK

    do_slaveof = do_replicaof

    def do_role(self) -> Any:
        if replica_of := self.store.config["replicaof"]:
            host, _, port = replica_of.partition(" ")
            return ["slave", host, int(port), "connected", 0]
        return ["master", 0, []]

    def do_config(self, verb: bytes, *words: bytes) -> Any:
        if _text(verb).lower() == "get":
            found = [(n, v) for n, v in self.store.config.items() if any(fnmatch.fnmatch(n, _text(w)) for w in words)]
            return [part for pair in found for part in pair]
        if _text(verb).lower() == "set" and len(words) == 2:
            name = _text(words[0]).lower()
            if name not in self.store.config:
                return Failure(f"ERR Unknown option or number of arguments for CONFIG SET - '{name}'")
            self.store.config[name] = plain(name, _text(words[1]))
            return OK
        return OK

    def do_info(self, *sections: bytes) -> Any:
        store = self.store
        used = 1_000_000 + 100 * sum(len(one) for one in store.databases)
        role = "slave" if store.config["replicaof"] else "master"
        replication = [f"role:{role}"]
        if role == "slave":
            host, _, port = store.config["replicaof"].partition(" ")
            replication += [f"master_host:{host}", f"master_port:{port}", "master_link_status:up"]
        parts = {
            "server": [
                f"redis_version:{store.version}",
                "redis_mode:standalone",
                "os:Linux 6.8.0 x86_64",
                "arch_bits:64",
                f"process_id:{store.pid}",
                f"tcp_port:{store.config['port']}",
                f"uptime_in_seconds:{int(clock.now() - store.started)}",
            ],
            "clients": [f"connected_clients:{len(store.clients)}", "blocked_clients:0"],
            "memory": [
                f"used_memory:{used}",
                f"used_memory_human:{used / 1048576:.2f}M",
                f"maxmemory:{store.config['maxmemory']}",
                f"maxmemory_policy:{store.config['maxmemory-policy']}",
            ],
            "persistence": ["loading:0", f"rdb_last_save_time:{int(store.last_save)}", "rdb_last_bgsave_status:ok"],
            "stats": ["total_connections_received:1", f"total_commands_processed:{store.commands}"],
            "replication": [*replication, "connected_slaves:0"],
            "keyspace": [
                f"db{n}:keys={len(store.keys(n))},expires={len(store.expiries[n])},avg_ttl=0"
                for n in range(16)
                if store.keys(n)
            ],
        }
        wanted = [_text(one).lower() for one in sections] or list(parts)
        chosen = [(name, lines) for name, lines in parts.items() if name in wanted or "all" in wanted]
        return "\r\n".join(f"# {name.title()}\r\n" + "".join(f"{one}\r\n" for one in lines) for name, lines in chosen)


class WrongType(Exception):
    """The key holds another kind of value."""
