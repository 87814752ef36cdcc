"""find: walks trees and tries an expression on every file.

An expression is compiled to a tree of `Test`s once; -exec … + collects its files and runs at the end.

The file is long because find has that many tests and actions: a few lines for each.
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Awaitable, Callable

from msgspec import Struct, field

from minikube_edu.container_runtime.simulated.contract import Process, Stat, reason
from minikube_edu.container_runtime.simulated.tools import long_texts, modes, regular_expressions
from minikube_edu.container_runtime.simulated.tools.accounts import Names, group_number, user_number
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, program
from minikube_edu.container_runtime.simulated.tools.streams import Output, confirmed, encode
from minikube_edu.lib import clock


class File(Struct):
    path: str
    start: str
    depth: int
    stat: Stat
    prune: bool = False


Test = Callable[[File], Awaitable[bool]]


class Stop(Exception):
    """-quit"""


class Plan(Struct):
    process: Process
    words: list[str]
    output: Output
    names: Names
    position: int = 0
    maximum: int = 1 << 30
    minimum: int = 0
    depth_first: bool = False
    one_filesystem: bool = False
    acts: bool = False  # whether there is an action; without one -print is meant
    collected: dict[int, tuple[list[str], list[str]]] = field(default_factory=dict)
    code: int = 0

    # the expression

    def peek(self) -> str | None:
        return self.words[self.position] if self.position < len(self.words) else None

    def take(self, after: str = "") -> str:
        if self.position >= len(self.words):
            words = f"missing argument to `{after}'"
            raise Complaint(words)
        self.position += 1
        return self.words[self.position - 1]

    async def expression(self) -> Test:
        left = await self.conjunction()
        while self.peek() in ("-o", "-or", ","):
            comma = self.take() == ","
            left = (either if not comma else in_turn)(left, await self.conjunction())
        return left

    async def conjunction(self) -> Test:
        left = await self.negation()
        while self.peek() not in (None, "-o", "-or", ")", ","):
            if self.peek() in ("-a", "-and"):
                self.take()
            left = both(left, await self.negation())
        return left

    async def negation(self) -> Test:
        word = self.peek()
        if word in ("!", "-not"):
            self.take()
            inner = await self.negation()

            async def negated(file: File) -> bool:
                return not await inner(file)

            return negated
        if word == "(":
            self.take()
            inside = await self.expression()
            if self.peek() != ")":
                raise Complaint(
                    "unmatched '('"
                    if is_busybox(self.process)
                    else "invalid expression; I was expecting to find a ')' somewhere but did not see one."
                )
            self.take()
            return inside
        if word is None:
            raise Complaint("expected an expression after '-o'")
        return await self.primary(self.take())

    async def primary(self, word: str) -> Test:
        process = self.process
        if word in ("-name", "-iname", "-path", "-ipath", "-wholename", "-lname"):
            return self.name_test(word, self.take(word))
        if word in ("-regex", "-iregex"):
            pattern = regular_expressions.compile(f"^({self.take(word)})$", word == "-iregex", word == "-iregex")
            return plain(lambda file: long_texts.at_once(pattern, file.path).search(file.path) is not None)
        if word == "-type":
            letters = self.take(word).split(",")
            wanted = {"f": "-"}
            if any(letter not in ("f", "d", "l", "p", "s", "b", "c") for letter in letters):
                raise Complaint(
                    f"Unknown argument to -type: {letters[0]}"
                    if not is_busybox(process)
                    else f"unrecognized type '{letters[0]}'"
                )
            kinds = {wanted.get(letter, letter) for letter in letters}
            return plain(lambda file: modes.shown(file.stat.mode)[0] in kinds)
        if word in (
            "-size",
            "-mtime",
            "-mmin",
            "-atime",
            "-amin",
            "-ctime",
            "-cmin",
            "-links",
            "-inum",
            "-uid",
            "-gid",
        ):
            return self.number_test(word, self.take(word))
        if word in ("-newer", "-anewer"):
            path = self.take(word)
            try:
                moment = process.stat(path).mtime
            except OSError as error:
                raise Complaint(f"'{path}': {reason(error)}") from None
            return plain(lambda file: file.stat.mtime > moment)
        if word == "-perm":
            return self.permission_test(self.take(word))
        if word in ("-user", "-group"):
            text = self.take(word)
            number = await (user_number if word == "-user" else group_number)(process, text)
            if number is None:
                raise Complaint(
                    f"unknown {word[1:]} {text}"
                    if is_busybox(process)
                    else f"'{text}' is not the name of a known {word[1:]}"
                )
            return plain(lambda file: (file.stat.uid if word == "-user" else file.stat.gid) == number)
        if word in ("-nouser", "-nogroup"):
            await self.names.load()
            if word == "-nouser":
                return plain(lambda file: file.stat.uid not in self.names.user)
            return plain(lambda file: file.stat.gid not in self.names.group)
        if word == "-empty":
            return plain(self.is_empty)
        if word in ("-readable", "-writable", "-executable"):
            bit = {"-readable": 4, "-writable": 2, "-executable": 1}[word]
            return plain(lambda file: process.access(file.path, bit))
        if word in ("-true", "-false"):
            return plain(lambda file: word == "-true")
        if word in ("-maxdepth", "-mindepth"):
            text = self.take(word)
            if not text.isdigit():
                raise Complaint(f"Expected a positive decimal integer argument to {word}, but got '{text}'")
            if word == "-maxdepth":
                self.maximum = int(text)
            else:
                self.minimum = int(text)
            return plain(lambda file: True)
        if word in ("-depth", "-xdev", "-mount", "-follow", "-noleaf", "-daystart"):
            self.depth_first |= word == "-depth"
            self.one_filesystem |= word in ("-xdev", "-mount")
            return plain(lambda file: True)
        if word in ("-exec", "-execdir", "-ok"):
            self.acts = True
            return self.execution(word)
        return await self.action(word)

    async def action(self, word: str) -> Test:
        if word in ("-print", "-print0", "-delete", "-ls", "-quit", "-printf"):
            self.acts = True
        if word in ("-print", "-print0"):
            end = "\n" if word == "-print" else "\0"

            async def show(file: File) -> bool:
                await self.output.write(encode(file.path + end))
                return True

            return show
        if word == "-printf":
            layout = self.take(word)
            await self.names.load()

            async def show_format(file: File) -> bool:
                await self.output.write(encode(self.formatted(layout, file)))
                return True

            return show_format
        if word == "-ls":
            await self.names.load()

            async def show_long(file: File) -> bool:
                await self.output.write(encode(self.formatted("%9i %6k %M %3n %-8u %-8g %8s %t %p\n", file)))
                return True

            return show_long
        if word == "-delete":
            self.depth_first = True
            return self.delete
        if word == "-prune":

            def prune(file: File) -> bool:
                file.prune = True
                return True

            return plain(prune)
        if word == "-quit":

            async def quit_now(file: File) -> bool:
                raise Stop

            return quit_now
        if not word.startswith("-") and not is_busybox(self.process):
            raise Complaint(f"paths must precede expression: `{word}'")
        raise Complaint(f"unrecognized: {word}" if is_busybox(self.process) else f"unknown predicate `{word}'")

    def name_test(self, word: str, glob: str) -> Test:
        fold = word[1] == "i"
        pattern = re.compile(translated(glob), re.DOTALL | (re.IGNORECASE if fold else 0))
        if word == "-lname":

            def link_name(file: File) -> bool:
                return modes.is_link(file.stat.mode) and bool(pattern.fullmatch(self.process.readlink(file.path)))

            return plain(link_name)
        if "path" in word or "whole" in word:
            return plain(lambda file: pattern.fullmatch(file.path) is not None)
        return plain(lambda file: pattern.fullmatch(file.path.rstrip("/").rsplit("/", 1)[-1] or "/") is not None)

    def number_test(self, word: str, text: str) -> Test:
        found = re.fullmatch(r"([-+]?)(\d+)([bcwkMG]?)", text)
        if not found or (found[3] and word != "-size"):
            raise Complaint(
                f"invalid number '{text}'" if is_busybox(self.process) else f"invalid argument `{text}' to `{word}'"
            )
        sign, wanted = found[1], int(found[2])
        unit = {"b": 512, "c": 1, "w": 2, "k": 1024, "M": 1 << 20, "G": 1 << 30}[found[3] or "b"]
        now = clock.now()
        exact = is_busybox(self.process)  # GNU rounds sizes up to units, busybox compares bytes
        if word == "-size" and exact:
            wanted *= unit

        def measure(file: File) -> int:
            stat = file.stat
            if word == "-size":
                return stat.size if exact else -(-stat.size // unit)
            if word in ("-links", "-inum", "-uid", "-gid"):
                return {"-links": stat.links, "-inum": stat.inode, "-uid": stat.uid, "-gid": stat.gid}[word]
            moment = {"m": stat.mtime, "a": stat.atime, "c": stat.ctime}[word[1]]
            return math.floor((now - moment) / (60 if word.endswith("min") else 86400))

        def compare(file: File) -> bool:
            value = measure(file)
            if word.endswith("min") and sign == "-":
                return (now - file.stat.mtime) / 60 < wanted
            return value > wanted if sign == "+" else value < wanted if sign == "-" else value == wanted

        return plain(compare)

    def permission_test(self, text: str) -> Test:
        how = text[:1] if text[:1] in "-/+" else ""
        try:
            wanted = modes.changed(text[len(how) :], 0)
        except ValueError:
            raise Complaint(f"invalid mode '{text}'") from None
        if how == "-":
            return plain(lambda file: file.stat.mode & wanted == wanted)
        if how:
            return plain(lambda file: wanted == 0 or bool(file.stat.mode & wanted))
        return plain(lambda file: file.stat.mode & 0o7777 == wanted)

    def is_empty(self, file: File) -> bool:
        if modes.is_directory(file.stat.mode):
            try:
                return not self.process.listdir(file.path)
            except OSError:
                return False
        return modes.is_regular(file.stat.mode) and file.stat.size == 0

    def execution(self, word: str) -> Test:
        argv: list[str] = []
        while self.peek() is not None:
            item = self.take(word)
            if item == ";":
                break
            if item == "+" and argv and argv[-1] == "{}" and word != "-ok":
                return self.collection(argv[:-1])
            argv.append(item)
        else:
            raise Complaint(f"missing argument to `{word}'")
        if not argv:
            raise Complaint(f"missing argument to `{word}'")

        async def run(file: File) -> bool:
            path, folder = file.path, None
            if word == "-execdir":
                head, _, base = file.path.rpartition("/")
                path, folder = f"./{base}", head or "."
            command = [item.replace("{}", path) for item in argv]
            await self.output.flush()
            if word == "-ok" and not await confirmed(self.process, f"< {argv[0]} ... {path} > ? "):
                return False
            return await self.spawn(command, folder) == 0

        return run

    def collection(self, argv: list[str]) -> Test:
        paths: list[str] = []
        self.collected[len(self.collected)] = (argv, paths)

        async def collect(file: File) -> bool:
            paths.append(file.path)
            return True

        return collect

    async def spawn(self, argv: list[str], folder: str | None = None) -> int:
        try:
            child = self.process.spawn(argv, cwd=folder)
        except OSError as error:
            await self.process.complain(
                f"{argv[0]}: {reason(error)}" if is_busybox(self.process) else f"'{argv[0]}': {reason(error)}"
            )
            return 127
        return (await self.process.wait(child))[1].shell_code()

    async def delete(self, file: File) -> bool:
        if file.path in (".", ".."):
            return True
        try:
            if modes.is_directory(file.stat.mode):
                self.process.rmdir(file.path)
            else:
                self.process.unlink(file.path)
        except OSError as error:
            await self.process.complain(f"cannot delete '{file.path}': {reason(error)}")
            self.code = 1
            return False
        return True

    def formatted(self, layout: str, file: File) -> str:
        from minikube_edu.container_runtime.simulated.tools.date import formatted

        stat = file.stat
        zone = self.process.env.get("TZ", "")

        def one(found: re.Match[str]) -> str:
            text = found[0]
            if text[0] == "\\":
                return {"n": "\n", "t": "\t", "0": "\0", "\\": "\\", "a": "\a", "r": "\r"}.get(text[1], text)
            letter = found[2]
            if letter[0] in "TAC" and len(letter) == 2:
                moment = {"T": stat.mtime, "A": stat.atime, "C": stat.ctime}[letter[0]]
                return f"{moment:.10f}" if letter[1] == "@" else formatted("%" + letter[1], moment, zone)
            base = file.path.rstrip("/").rsplit("/", 1)[-1]
            value = {
                "p": file.path,
                "f": base or "/",
                "s": str(stat.size),
                "m": f"{stat.mode & 0o7777:o}",
                "M": modes.shown(stat.mode),
                "u": self.names.of_user(stat.uid),
                "g": self.names.of_group(stat.gid),
                "U": str(stat.uid),
                "G": str(stat.gid),
                "d": str(file.depth),
                "n": str(stat.links),
                "i": str(stat.inode),
                "h": file.path.rpartition("/")[0] or ".",
                "k": str(-(-stat.size // 4096) * 4),
                "b": str(-(-stat.size // 4096) * 8),
                "y": modes.shown(stat.mode)[0].replace("-", "f"),
                "P": file.path[len(file.start) :].lstrip("/"),
                "H": file.start,
                "t": formatted("%b %e %H:%M", stat.mtime, zone),
                "%": "%",
                "l": self.process.readlink(file.path) if modes.is_link(stat.mode) else "",
            }.get(letter)
            return text if value is None else f"%{found[1]}s" % value

        return re.sub(r"\\.|%(-?\d*)([TAC].|.)", one, layout, flags=re.DOTALL)

    # the walk

    async def walk(self, start: str, test: Test, follow: bool, follow_start: bool) -> None:
        try:
            stat = self.process.lstat(start)
            if modes.is_link(stat.mode) and (follow or follow_start or start.endswith("/")):
                stat = self.process.stat(start)
        except OSError as error:
            await self.complain(start, error)
            return
        device = stat.device
        # (file, whether its children have been seen)
        waiting: list[tuple[File, bool]] = [(File(start, start, 0, stat), False)]
        while waiting:
            file, seen = waiting.pop()
            await self.process.breathe()
            if seen or not self.depth_first:
                if file.depth >= self.minimum:
                    await test(file)
                if seen:
                    continue
            if not modes.is_directory(file.stat.mode):
                if self.depth_first and file.depth >= self.minimum:
                    await test(file)
                continue
            if self.depth_first:
                waiting.append((file, True))
            if file.prune or file.depth >= self.maximum or (self.one_filesystem and file.stat.device != device):
                continue
            try:
                names = self.process.listdir(file.path)
            except OSError as error:
                await self.complain(file.path, error)
                continue
            children = []
            for name in names:
                path = f"{file.path.rstrip('/')}/{name}"
                try:
                    stat = self.process.lstat(path)
                    if follow and modes.is_link(stat.mode):
                        stat = self.process.stat(path)
                except OSError:
                    continue
                children.append((File(path, start, file.depth + 1, stat), False))
            waiting += reversed(children)

    async def complain(self, path: str, error: OSError) -> None:
        await self.output.flush()
        where = path if is_busybox(self.process) else f"'{path}'"
        await self.process.complain(f"{where}: {reason(error)}")
        self.code = 1


def translated(glob: str) -> str:
    """fnmatch(3), where a backslash quotes."""
    result = ""
    for part in re.split(r"(\\.)", glob):
        result += re.escape(part[1]) if part[:1] == "\\" and len(part) == 2 else fnmatch.translate(part)[4:-3]
    return result


def plain(test: Callable[[File], bool]) -> Test:
    async def run(file: File) -> bool:
        return test(file)

    return run


def both(left: Test, right: Test) -> Test:
    async def run(file: File) -> bool:
        return await left(file) and await right(file)

    return run


def either(left: Test, right: Test) -> Test:
    async def run(file: File) -> bool:
        return await left(file) or await right(file)

    return run


def in_turn(left: Test, right: Test) -> Test:
    async def run(file: File) -> bool:
        await left(file)
        return await right(file)

    return run


@program("find [-HL] [PATH]... [OPTIONS] [ACTIONS]", version="GNU findutils) 4.9.0")
async def find(process: Process) -> int:
    words = process.argv[1:]
    links = ""
    while words and words[0] in ("-H", "-L", "-P"):
        links = words.pop(0)[1]
    starts = []
    while words and not (words[0].startswith("-") or words[0] in ("!", "(", ")", ",")):
        starts.append(words.pop(0))
    plan = Plan(process, words, Output(process.stdout), Names(process))
    test = await plan.expression() if words else plain(lambda file: True)
    if plan.peek() is not None:
        raise Complaint(
            "you have too many ')'" if plan.peek() == ")" else f"paths must precede expression: `{plan.peek()}'"
        )
    if not plan.acts:
        test = both(test, await plan.primary("-print"))
    try:
        for start in starts or ["."]:
            await plan.walk(start, test, links == "L", links == "H")
    except Stop:
        pass
    await plan.output.flush()
    for argv, paths in plan.collected.values():
        for index in range(0, len(paths), 5000):
            if await plan.spawn([*argv, *paths[index : index + 5000]]):
                plan.code = 1
    return plan.code
