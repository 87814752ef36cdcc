"""The guestbook's front ends, with Redis behind them: PHP (guestbook.php?cmd=set) and Go (/rpush, /lrange)."""

from __future__ import annotations

import json
from urllib.parse import unquote

from minikube_edu.cni.contract import NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, html, text
from minikube_edu.container_runtime.simulated.programs.identity import GRACEFUL, image_name, now
from minikube_edu.container_runtime.simulated.programs.redis_wire import Failure, ResponseReader, packed
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, connect_any

PAGE = """<html>
  <head>
    <title>Guestbook</title>
  </head>
  <body>
    <h2>Guestbook</h2>
    <form><fieldset><input placeholder="Messages"><button type="button">Submit</button></fieldset></form>
  </body>
</html>
"""


async def redis(process: Process, host: str, *words: str) -> object:
    """One command; OSError when the store is not there."""
    connection = await connect_any(process, await addresses(process, host, 5), 6379, 5)
    try:
        await connection.write(packed(words))
        answer = await ResponseReader(connection).response()
    except EOFError:
        raise OSError("connection closed") from None
    finally:
        connection.close()
    if isinstance(answer, Failure):
        raise OSError(answer.words)
    return answer


def host_of(process: Process, *roles: str) -> list[str]:
    """Where to look, in order: Kubernetes' tutorials have named the services differently over the years."""
    if process.env.get("GET_HOSTS_FROM") == "env":
        names = [f"{role.upper().replace('-', '_')}_SERVICE_HOST" for role in roles]
        return [process.env[name] for name in names if process.env.get(name)]
    return list(roles)


async def first(process: Process, hosts: list[str], *words: str) -> object:
    failure: OSError = OSError("no host")
    for host in hosts:
        try:
            return await redis(process, host, *words)
        except (NameNotFound, OSError) as error:
            failure = error
    raise failure


async def main(process: Process) -> int:
    go = image_name(process) == "guestbook"
    leaders = host_of(process, "redis-leader", "redis-master")
    followers = host_of(process, "redis-follower", "redis-replica", "redis-slave") + leaders

    async def answer(request: Request) -> Response:
        try:
            if go:
                return await _go(request)
            return await _php(request)
        except OSError as error:
            return text(
                f"PHP Fatal error: Uncaught Predis\\Connection\\ConnectionException: {error}\n"
                if not go
                else str(error),
                500,
            )

    async def _php(request: Request) -> Response:
        if request.path == "/guestbook.php":
            query = request.query
            if query.get("cmd") == "set":
                await first(process, leaders, "SET", query.get("key", ""), query.get("value", ""))
                return text('{"message": "Updated"}', content_type="application/json")
            value = await first(process, followers, "GET", query.get("key", ""))
            told = value.decode("utf-8", "replace") if isinstance(value, bytes) else ""
            return text(json.dumps({"data": told}), content_type="application/json")
        return html(PAGE) if request.path in ("/", "/index.html") else text("Not Found", 404)

    async def _go(request: Request) -> Response:
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        if parts[0] == "lrange" and len(parts) > 1:
            return _list(await first(process, followers, "LRANGE", parts[1], "-100", "100"))
        if parts[0] == "rpush" and len(parts) > 2:
            await first(process, leaders, "RPUSH", parts[1], parts[2])
            return _list(await first(process, leaders, "LRANGE", parts[1], "-100", "100"))
        if parts[0] == "env":
            return text(json.dumps(process.env, indent=2), content_type="application/json")
        return html(PAGE)

    async def note(request: Request, response: Response, sent: int) -> None:
        line = f'"{request.method} {request.target} {request.version}" {response.status} {sent}'
        await process.print(f"{request.peer.ip} - - {now('[%d/%b/%Y:%H:%M:%S +0000]')} {line}")

    if go:
        await process.print("[negroni] listening on :3000")
    return await HttpServer(process, answer, done=note).run([3000 if go else 80], {**GRACEFUL, 28: 0})


def _list(values: object) -> Response:
    words = [one.decode("utf-8", "replace") for one in values] if isinstance(values, list) else []
    return text(json.dumps(words, indent=2), content_type="application/json")
