"""busybox httpd: the files below -h (or the working directory), on -p; a daemon unless -f."""

from __future__ import annotations

import stat as modes

from minikube_edu.container_runtime.simulated.contract import Process, reason
from minikube_edu.container_runtime.simulated.programs.http_serving import (
    HttpServer,
    Request,
    Response,
    html,
    http_date,
)
from minikube_edu.container_runtime.simulated.programs.nginx_site import TYPES

USAGE = b"Usage: httpd [-ifv[v]] [-c CONFFILE] [-p [IP:]PORT] [-u USER[:GRP]] [-h HOME]\n"
MISSING = (
    "<HTML><HEAD><TITLE>404 Not Found</TITLE></HEAD>\n<BODY><H1>404 Not Found</H1>\n"
    "The requested URL was not found\n</BODY></HTML>\n"
)


async def main(process: Process) -> int:
    options, words = {"-p": "80", "-h": process.cwd}, process.argv[1:]
    flags: set[str] = set()
    while words:
        word = words.pop(0)
        if word[:2] in ("-p", "-h", "-c", "-u", "-r") and word[:2] != "--":
            options[word[:2]] = word[2:] or (words.pop(0) if words else "")
        elif word.startswith("-") and set(word[1:]) <= set("fivM"):
            flags |= set(word[1:])
        else:
            await process.stderr.write(
                b"Usage: httpd [-ifv[v]] [-c CONFFILE] [-p [IP:]PORT] [-u USER[:GRP]] [-h HOME]\n"
            )
            return 1
    ip, _, port = options["-p"].rpartition(":")
    home = options["-h"]
    try:
        process.chdir(home)
        listener = process.network.listen(int(port) if port.isdigit() else 80, ip or "0.0.0.0")
    except OSError as error:
        what = f"can't change directory to '{home}'" if error.filename else "bind"
        await process.complain(f"{what}: {reason(error)}")
        return 1

    async def serve(child: Process) -> int:
        return await HttpServer(child, lambda request: _answer(child, request)).serve([listener])

    if "f" in flags:
        return await serve(process)
    process.spawn(list(process.argv), program=serve, new_group=True)
    return 0


async def _answer(process: Process, request: Request) -> Response:
    if request.method not in ("GET", "HEAD"):
        return html("<HTML><HEAD><TITLE>501 Not Implemented</TITLE></HEAD></HTML>\n", 501)
    path = "." + request.path
    try:
        if modes.S_ISDIR(process.stat(path).mode):
            path = path.rstrip("/") + "/index.html"
        data, changed = await process.read_file(path), process.stat(path).mtime
    except OSError:
        return html(MISSING, 404)
    kind = TYPES.get(path.rpartition(".")[2].lower(), "application/octet-stream")
    return Response(data, 200, kind, [("Last-Modified", http_date(changed))])
