"""python, node, perl and their kin: what tutorials run of them, and a clear word about the rest.

No code of these languages runs here. `python3 -m http.server` serves files, versions are told, a few one-liners of the
documentation (printing a constant, pi for the Job tutorial) give their output.
"""

from __future__ import annotations

import html as markup
import re
import signal
import stat as modes
from urllib.parse import quote

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.programs.http_serving import (
    HttpServer,
    Request,
    Response,
    html,
    http_date,
)
from minikube_edu.container_runtime.simulated.programs.identity import now, tag
from minikube_edu.container_runtime.simulated.programs.nginx_site import TYPES
from minikube_edu.container_runtime.simulated.tools import interpreters as literals


def version(process: Process, default: str) -> str:
    found = re.match(r"\d+(\.\d+)*", tag(process))
    return found[0] + ".0" * max(0, 2 - found[0].count(".")) if found else default


async def refuse(process: Process, language: str) -> int:
    await process.stderr.write(
        f"{process.name}: {language} code is not run by simulated containers (the cluster's policy); "
        "commands of the shell and the image's own servers are\n".encode()
    )
    return 1


PRINTED = re.compile(
    r"""(?:print|console\.log|puts|say)\s*\(?\s*(?:"((?:[^"\\$@]|\\[nt"\\])*)"|'([^'\\]*)'|(\d+))\s*\)?\s*;?"""
)


async def one_liner(process: Process, code: str, language: str, end: str = "\n") -> int:
    """A program that prints constants needs no interpreter."""
    statements = [part.strip() for part in re.split(r";|\n", code) if part.strip()]
    matches = [PRINTED.fullmatch(part) for part in statements]
    if not statements or not all(matches):
        return await refuse(process, language)
    for match in matches:
        assert match is not None
        said = match[1] or match[2] or match[3] or ""
        if match[1]:
            said = re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), said)
        await process.print(said, end=end)
    return 0


async def python(process: Process) -> int:
    words = [word for word in process.argv[1:] if word not in ("-u", "-B", "-s", "-E")]
    if words[:1] in (["--version"], ["-V"]):
        await process.print(f"Python {version(process, '3.13.9')}")
        return 0
    if words[:2] == ["-m", "http.server"]:
        return await http_server(process, words[2:])
    if words[:1] == ["-c"] and len(words) > 1:
        lines = await literals.printed(words[1])
        if lines is None:
            return await refuse(process, "Python")
        await process.stdout.write("".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape"))
        return 0
    if words and not words[0].startswith("-"):
        try:
            process.stat(words[0])
        except OSError as error:
            where = words[0] if words[0].startswith("/") else f"{process.cwd.rstrip('/')}/{words[0]}"
            words_ = f"{process.argv[0]}: can't open file '{where}': [Errno {error.errno}] {reason(error)}\n"
            await process.stderr.write(words_.encode())
            return 2
    return await refuse(process, "Python")


async def http_server(process: Process, words: list[str]) -> int:
    port, folder, ip = 8000, process.cwd, "0.0.0.0"
    while words:
        word = words.pop(0)
        if word in ("-d", "--directory") and words:
            folder = words.pop(0)
        elif word in ("-b", "--bind") and words:
            ip = words.pop(0)
        elif word.isdigit():
            port = int(word)

    async def answer(request: Request) -> Response:
        path = folder.rstrip("/") + request.path
        try:
            found = process.stat(path)
            if modes.S_ISDIR(found.mode):
                if not request.path.endswith("/"):
                    return Response(b"", 301, "", [("Location", request.path + "/")])
                return await _folder(process, path, request)
            return await _file(process, path)
        except OSError:
            line = f"{request.peer.ip} - - [{now('%d/%b/%Y %H:%M:%S')}] code 404, message File not found\n"
            await process.stderr.write(line.encode())
            return html(MISSING, 404)

    async def note(request: Request, response: Response, sent: int) -> None:
        line = f'"{request.method} {request.target} {request.version}" {response.status} -'
        await process.stderr.write(f"{request.peer.ip} - - [{now('%d/%b/%Y %H:%M:%S')}] {line}\n".encode())

    try:
        listener = process.network.listen(port, ip)
    except OSError as error:
        await process.stderr.write(f"OSError: [Errno {error.errno}] {reason(error)}\n".encode())
        return 1
    await process.print(f"Serving HTTP on {ip} port {port} (http://{ip}:{port}/) ...")
    server = HttpServer(process, answer, server_header=f"SimpleHTTP/0.6 Python/{version(process, '3.13.9')}", done=note)
    process.on_signal(signal.SIGINT, lambda _: server.stop(0))
    return await server.serve([listener])


MISSING = """<!DOCTYPE HTML>
<html lang="en">
    <head>
        <meta charset="utf-8">
        <title>Error response</title>
    </head>
    <body>
        <h1>Error response</h1>
        <p>Error code: 404</p>
        <p>Message: File not found.</p>
        <p>Error code explanation: 404 - Nothing matches the given URI.</p>
    </body>
</html>
"""


async def _file(process: Process, path: str) -> Response:
    data = await process.read_file(path)
    kind = TYPES.get(path.rpartition(".")[2].lower(), "application/octet-stream")
    return Response(data, 200, kind, [("Last-Modified", http_date(process.stat(path).mtime))])


async def _folder(process: Process, path: str, request: Request) -> Response:
    names = sorted(process.listdir(path), key=str.lower)
    if "index.html" in names:
        return await _file(process, path + "index.html")
    rows = []
    for name in names:
        shown = name + "/" * modes.S_ISDIR(process.stat(path + name).mode)
        rows.append(f'<li><a href="{quote(shown)}">{markup.escape(shown)}</a></li>')
    title = f"Directory listing for {markup.escape(request.path)}"
    return html(
        f'<!DOCTYPE HTML>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n</head>\n<body>\n'
        f"<h1>{title}</h1>\n<hr>\n<ul>\n" + "\n".join(rows) + "\n</ul>\n<hr>\n</body>\n</html>\n"
    )


async def perl(process: Process) -> int:
    words = process.argv[1:]
    if words[:1] in (["-v"], ["--version"]):
        await process.print(
            f"\nThis is perl 5, version 42, subversion 0 (v{version(process, '5.42.0')}) built for x86_64-linux-gnu\n"
        )
        return 0
    code = next((words[index + 1] for index, word in enumerate(words[:-1]) if re.fullmatch(r"-\w*e", word)), "")
    if found := re.fullmatch(r"\s*print\s+bpi\((\d+)\);?\s*", code):
        process.use_cpu(1.0)
        await process.breathe()
        await process.print(await literals.pi(process, max(2, min(int(found[1]), literals.MOST_DIGITS))))
        process.use_cpu(0.0)
        return 0
    lines = any(re.fullmatch(r"-\w*[lE]\w*", word) for word in words)
    return await one_liner(process, code, "Perl", "\n" if lines else "") if code else await refuse(process, "Perl")


async def node(process: Process) -> int:
    words = process.argv[1:]
    if words[:1] in (["-v"], ["--version"]):
        await process.print(f"v{version(process, '24.11.0')}")
        return 0
    if words[:1] in (["-e"], ["--eval"]) and len(words) > 1:
        return await one_liner(process, words[1], "JavaScript")
    return await refuse(process, "JavaScript")


async def npm(process: Process) -> int:
    if process.argv[1:2] in (["-v"], ["--version"]):
        await process.print("11.6.1")
        return 0
    return await refuse(process, "JavaScript")


async def pip(process: Process) -> int:
    if process.argv[1:2] in (["-V"], ["--version"]):
        await process.print("pip 25.2 from /usr/local/lib/python3.13/site-packages/pip (python 3.13)")
        return 0
    await process.stderr.write(b"WARNING: Retrying after connection broken: no route out of this cluster\n")
    return 1


async def ruby(process: Process) -> int:
    words = process.argv[1:]
    if words[:1] in (["-v"], ["--version"]):
        await process.print(f"ruby {version(process, '3.4.7')} (2025-10-08) +PRISM [x86_64-linux]")
        return 0
    return (
        await one_liner(process, words[1], "Ruby")
        if words[:1] == ["-e"] and len(words) > 1
        else await refuse(process, "Ruby")
    )


async def php(process: Process) -> int:
    if process.argv[1:2] in (["-v"], ["--version"]):
        await process.print(
            f"PHP {version(process, '8.4.14')} (cli) (built: Oct 23 2025 00:00:00) (NTS)\nCopyright (c) The PHP Group"
        )
        return 0
    return await refuse(process, "PHP")


async def go(process: Process) -> int:
    if process.argv[1:] == ["version"]:
        await process.print(f"go version go{version(process, '1.25.3')} linux/amd64")
        return 0
    return await refuse(process, "Go")


async def java(process: Process) -> int:
    if process.argv[1:2] in (["-version"], ["--version"]):
        await process.stderr.write(f'openjdk version "{version(process, "21.0.9")}" 2025-10-21\n'.encode())
        return 0
    return await refuse(process, "Java")
