"""The command: options, scripts from -e and -f, editing in place."""

from __future__ import annotations

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.sed.editor import Editor
from minikube_edu.container_runtime.simulated.tools.sed.script import BadScript, Command, Reader
from minikube_edu.container_runtime.simulated.tools.streams import decode

LONG = {
    "quiet": "n", "silent": "n", "expression:": "e", "file:": "f", "in-place::": "i", "regexp-extended": "E",
    "separate": "s", "null-data": "z", "unbuffered": "u", "posix": "p", "line-length:": "l",
}  # fmt: skip


@program("sed [-i[SFX]] [-nrE] [-f FILE]... [-e CMD]... [FILE]...", version="GNU sed) 4.9")
async def sed(process: Process) -> int:
    arguments = parse(process, "ne:f:i::rEszul:", LONG)
    pieces: list[str] = []
    for name, value in arguments.options:
        if name == "e":
            pieces.append(value)
        elif name == "f":
            try:
                text = decode(b"".join(await process.lines()) if value == "-" else await process.read_file(value))
            except OSError as error:
                raise Complaint(f"couldn't open file {value}: {reason(error)}") from None
            pieces.append(text.removesuffix("\n"))
    operands = arguments.operands
    if not arguments.has("e", "f"):
        if not operands:
            await process.stderr.write(b"Usage: sed [OPTION]... {script-only-if-no-other-script} [input-file]...\n")
            return 1
        pieces.append(operands.pop(0))
    # A trailing backslash in one -e goes on in the next: `-e 'a\' -e 'text'`
    script = "\n".join(pieces)
    silent = arguments.has("n") or script.startswith("#n\n") or script == "#n"
    in_place = arguments.has("i")

    def commands() -> list[Command]:
        try:
            return Reader(script, arguments.has("r", "E")).read()
        except BadScript as error:
            if is_busybox(process):
                raise Complaint(busybox_words(error, script)) from None
            place = (
                f"-e expression #1, char {error.position}: " if error.position >= 0 else "-e expression #1, char 0: "
            )
            if error.words.startswith("can't find label"):
                place = ""
            raise Complaint(place + error.words) from None

    if not in_place:
        editor = Editor(process, commands(), silent, arguments.has("s"), arguments.has("z"))
        return await editor.run(operands or ["-"])
    code = 0
    for name in operands:
        editor = Editor(process, commands(), silent, True, arguments.has("z"))
        code = await edit(process, editor, name, arguments.last("i") or "") or code
    return code


def busybox_words(error: BadScript, script: str) -> str:
    if error.words.startswith("unterminated"):
        return "unmatched '/'" if "address" in error.words or "`s'" in error.words else error.words
    if error.words.startswith("unknown command"):
        return f"unsupported command {error.words[-2]}"
    if error.words.startswith("unknown option"):
        return "bad option in substitution expression"
    return error.words


async def edit(process: Process, editor: Editor, name: str, suffix: str) -> int:
    """In place: the result is written beside the file and takes its name, as the real one does."""
    try:
        stat = process.stat(name)
    except OSError as error:
        words = f"{name}: {reason(error)}" if is_busybox(process) else f"can't read {name}: {reason(error)}"
        await process.complain(words)
        return 1 if is_busybox(process) else 2
    folder, slash, base = name.rpartition("/")
    temporary = f"{folder}{slash}sed{process.pid:06d}"
    try:
        target = process.open(temporary, "w")
    except OSError as error:
        raise Complaint(f"couldn't open temporary file {temporary}: {reason(error)}", 4) from None
    editor.output.file = target
    try:
        code = await editor.run([name])
    finally:
        target.release()
    process.chmod(temporary, stat.mode & 0o7777)
    if suffix:
        backup = suffix.replace("*", base) if "*" in suffix else base + suffix
        process.rename(name, f"{folder}{slash}{backup}")
    try:
        process.rename(temporary, name)
    except OSError as error:
        process.unlink(temporary)
        raise Complaint(f"cannot rename {temporary}: {reason(error)}", 4) from None
    return code
