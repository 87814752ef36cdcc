"""WordPress's image: the installation page when its database answers, the famous sentence when it does not."""

from __future__ import annotations

from minikube_edu.cni.contract import NameNotFound
from minikube_edu.container_runtime.simulated.contract import Process
from minikube_edu.container_runtime.simulated.programs.http_serving import HttpServer, Request, Response, html
from minikube_edu.container_runtime.simulated.programs.identity import GRACEFUL, now
from minikube_edu.container_runtime.simulated.programs.sql_wire import Packets
from minikube_edu.container_runtime.simulated.tools.network.dialing import addresses, connect_any

ERROR = "<!DOCTYPE html>\n<html><head><title>Database Error</title></head>\n"
ERROR += "<body><h1>Error establishing a database connection</h1></body></html>\n"
INSTALL = '<!DOCTYPE html>\n<html lang="en-US"><head><title>WordPress &rsaquo; Installation</title></head>\n'
INSTALL += "<body><h1>Welcome</h1></body></html>\n"


async def reachable(process: Process) -> bool:
    """Whether the database takes our name and password."""
    host, _, port = process.env.get("WORDPRESS_DB_HOST", "mysql").partition(":")
    try:
        ips = await addresses(process, host, 5)
        connection = await connect_any(process, ips, int(port) if port.isdigit() else 3306, 5)
    except (NameNotFound, OSError):
        return False
    packets = Packets(connection)
    try:
        await packets.raw()
        user = process.env.get("WORDPRESS_DB_USER", "root")
        await packets.send({"user": user, "password": process.env.get("WORDPRESS_DB_PASSWORD", "")})
        return bool((await packets.receive()).get("ok"))
    except (OSError, EOFError, ValueError):
        return False
    finally:
        connection.close()


async def main(process: Process) -> int:
    async def answer(request: Request) -> Response:
        if not await reachable(process):
            return html(ERROR, 500)
        if request.path.startswith("/wp-admin/install.php"):
            return html(INSTALL)
        where = f"http://{request.host}/wp-admin/install.php"
        return Response(b"", 302, "text/html; charset=UTF-8", [("X-Redirect-By", "WordPress"), ("Location", where)])

    async def note(request: Request, response: Response, sent: int) -> None:
        agent = request.headers.get("user-agent", "-")
        line = f'"{request.method} {request.target} {request.version}" {response.status} {sent} "-" "{agent}"'
        await process.print(f"{request.peer.ip} - - {now('[%d/%b/%Y:%H:%M:%S +0000]')} {line}")

    await process.stderr.write(
        b"WordPress not found in /var/www/html - copying now...\n"
        b"Complete! WordPress has been successfully copied to /var/www/html\n"
    )
    server = HttpServer(process, answer, server_header="Apache/2.4.65 (Debian)", done=note)
    return await server.run([80], {**GRACEFUL, 28: 0})
