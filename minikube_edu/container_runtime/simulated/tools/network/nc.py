"""nc (OpenBSD's, busybox's, nmap's ncat), telnet, and socat's plain uses: bytes between stdin, stdout and a socket."""

from __future__ import annotations

import asyncio
import contextlib
import errno

from minikube_edu.cni.contract import Address, Connection, NameNotFound
from minikube_edu.container_runtime.simulated.contract import OpenFile, Process, reason
from minikube_edu.container_runtime.simulated.tools.arguments import Arguments, Complaint, is_busybox, parse, program
from minikube_edu.container_runtime.simulated.tools.network.dialing import (
    NAMES,
    addresses,
    connect_any,
    port_number,
)


async def exchange(
    process: Process,
    connection: Connection,
    source: OpenFile,
    sink: OpenFile,
    idle: float | None = None,
    half: bool = True,
) -> None:
    """Both directions until the far side ends. At the end of `source` this side ends, too (`half`)."""

    async def upward() -> None:
        with contextlib.suppress(OSError):  # the far side went: the other direction learns it, too
            while data := await source.read():
                await connection.write(data)
            if half:
                connection.end()

    sending = process.thread(upward())
    try:
        while True:
            async with asyncio.timeout(idle):
                data = await connection.read()
            if not data:
                return
            await sink.write(data)
    except (TimeoutError, ConnectionResetError):
        return
    finally:
        sending.cancel()
        connection.close()


@program("nc [OPTIONS] HOST PORT  - connect\nnc [OPTIONS] -l -p PORT [HOST] [PORT]  - listen", failure=1)
async def nc(process: Process) -> int:
    argv = [
        {"--sh-exec": "-c", "--exec": "-e", "--listen": "-l", "--keep-open": "-k"}.get(w, w) for w in process.argv[1:]
    ]
    arguments = parse(process, "lkp:zvnuw:e:c:q:i:s:46NU:Cdthr", argv=argv)
    if arguments.has("l"):
        return await _listen(process, arguments)
    if len(arguments.operands) < 2:
        raise Complaint("", usage=True)
    host, ports = arguments.operands[0], _ports(arguments.operands[1])
    timeout = float(arguments.last("w") or 0) or None
    try:
        ips = await addresses(process, host, timeout)
    except NameNotFound:
        if is_busybox(process):
            raise Complaint(f"bad address '{host}'") from None
        raise Complaint(f'getaddrinfo for host "{host}" port {ports[0]}: Name or service not known') from None
    code = 1
    for port in ports:
        if await _one_port(process, arguments, host, ips, port, timeout):
            code = 0
    return code


def _ports(text: str) -> list[int]:
    first, dash, last = text.partition("-")
    numbers = [port_number(first), port_number(last) if dash else port_number(first)]
    if numbers[0] is None or numbers[1] is None:
        raise Complaint(f"port number invalid: {text}")
    return list(range(numbers[0], numbers[1] + 1))


async def _one_port(
    process: Process, arguments: Arguments, host: str, ips: list[str], port: int, timeout: float | None
) -> bool:
    small, verbose = is_busybox(process), arguments.has("v")
    if arguments.has("u"):
        return await _udp(process, arguments, host, ips[0], port, timeout)
    try:
        connection = await connect_any(process, ips, port, timeout)
    except OSError as error:
        words = "Connection timed out" if error.errno == errno.ETIMEDOUT else reason(error)
        if small:
            if verbose or not arguments.has("z"):
                await process.complain(
                    f"{host} ({ips[0]}:{port}): {words}" if error.errno != errno.ETIMEDOUT else "timed out"
                )
        elif verbose:
            words = words.replace("Connection timed out", "Operation timed out" if timeout else words)
            await process.stderr.write(f"nc: connect to {host} ({ips[0]}) port {port} (tcp) failed: {words}\n".encode())
        return False
    if verbose:
        service = NAMES.get(port, "*")
        opened = f"{host} ({ips[0]}:{port}) open" if small else (
            f"Connection to {host} ({ips[0]}) {port} port [tcp/{service}] succeeded!"
        )  # fmt: skip
        await process.stderr.write((opened + "\n").encode())
    if arguments.has("z"):
        connection.close()
        return True
    if command := arguments.last("e", "c"):
        await _run_behind(process, connection, _command(arguments, command))
        return True
    await exchange(process, connection, process.stdin, process.stdout, timeout)
    return True


def _command(arguments: Arguments, command: str) -> list[str]:
    """-e runs a program (busybox takes the rest of the line with it), -c asks the shell."""
    if arguments.has("c") and not arguments.has("e"):
        return ["/bin/sh", "-c", command]
    own = 0 if arguments.has("l") and arguments.last("p") else 1 if arguments.has("l") else 2
    return [*command.split(), *arguments.operands[own:]]


async def _run_behind(process: Process, connection: Connection, command: list[str]) -> None:
    file = process.as_file(connection)
    try:
        child = process.spawn(command, files={0: file, 1: file, 2: process.stderr})
        await process.wait(child)
    except (OSError, InterruptedError):
        pass
    finally:
        file.release()
        connection.close()


async def _udp(process: Process, arguments: Arguments, host: str, ip: str, port: int, timeout: float | None) -> bool:
    socket = process.network.datagrams()
    to = Address(ip, port)
    try:
        if arguments.has("z"):
            socket.send(b"X", to)
            if arguments.has("v"):
                await process.stderr.write(f"Connection to {host} ({ip}) {port} port [udp/*] succeeded!\n".encode())
            return True

        async def upward() -> None:
            with contextlib.suppress(OSError):
                while data := await process.stdin.read():
                    socket.send(data, to)

        sending = process.thread(upward())
        try:
            while True:
                async with asyncio.timeout(timeout):
                    data, _ = await socket.receive()
                await process.stdout.write(data)
        except TimeoutError:
            return True
        finally:
            sending.cancel()
    finally:
        socket.close()


async def _listen(process: Process, arguments: Arguments) -> int:
    words = [word for word in [arguments.last("p") or "", *arguments.operands] if word]
    port = port_number(words[-1] if arguments.last("p") is None and words else (words[0] if words else "0"))
    if port is None:
        raise Complaint(f"port number invalid: {words[-1]}")
    ip = arguments.last("s") or "0.0.0.0"
    if arguments.has("u"):
        return await _listen_udp(process, port)
    try:
        listener = process.network.listen(port, ip)
    except OSError as error:
        raise Complaint(f"bind: {reason(error)}" if is_busybox(process) else f"{reason(error)}") from None
    try:
        if arguments.has("v"):
            shown = f"listening on [::]:{port} ..." if is_busybox(process) else f"Listening on {ip} {port}"
            await process.stderr.write((shown + "\n").encode())
        while True:
            connection = await listener.accept()
            if arguments.has("v"):
                peer = connection.peer
                shown = (
                    f"connect to {connection.local} from {peer} ({peer})"
                    if is_busybox(process)
                    else f"Connection received on {peer.ip} {peer.port}"
                )
                await process.stderr.write((shown + "\n").encode())
            if command := arguments.last("e", "c"):
                if not arguments.has("k"):
                    listener.close()
                await _run_behind(process, connection, _command(arguments, command))
            else:
                await exchange(process, connection, process.stdin, process.stdout)
            if not arguments.has("k"):
                return 0
    finally:
        listener.close()


async def _listen_udp(process: Process, port: int) -> int:
    """What comes is shown; what is typed goes to whoever spoke last."""
    socket = process.network.datagrams(port)
    peers: list[Address] = []

    async def upward() -> None:
        with contextlib.suppress(OSError):
            while data := await process.stdin.read():
                if peers:
                    socket.send(data, peers[-1])

    sending = process.thread(upward())
    try:
        while True:
            data, source = await socket.receive()
            peers[:] = [source]
            await process.stdout.write(data)
    finally:
        sending.cancel()
        socket.close()


@program("telnet [-a] [-l USER] HOST [PORT]", failure=1)
async def telnet(process: Process) -> int:
    arguments = parse(process, "al:")
    if not arguments.operands:
        raise Complaint("", usage=True) if is_busybox(process) else Complaint("interactive mode is not simulated")
    host = arguments.operands[0]
    port = port_number(arguments.operands[1]) if len(arguments.operands) > 1 else 23
    if port is None:
        raise Complaint(f"bad port '{arguments.operands[1]}'")
    small = is_busybox(process)
    try:
        ips = await addresses(process, host)
    except NameNotFound:
        if small:
            raise Complaint(f"bad address '{host}'") from None
        raise Complaint(f"could not resolve {host}/{port}: Name or service not known") from None
    if not small:
        await process.print(f"Trying {ips[0]}...")
    try:
        connection = await connect_any(process, ips, port)
    except OSError as error:
        words = "Connection timed out" if error.errno == errno.ETIMEDOUT else reason(error)
        if small:
            raise Complaint(f"can't connect to remote host ({ips[0]}): {words}") from None
        raise Complaint(f"Unable to connect to remote host: {words}") from None
    if small:
        await process.print(f"Connected to {host}\n\nEntering character mode\nEscape character is '^]'.\n")
    else:
        await process.print(f"Connected to {host}.\nEscape character is '^]'.")
    await exchange(process, connection, process.stdin, process.stdout, half=False)
    await process.print("Connection closed by foreign host" + ("" if small else "."))
    return 1


@program("socat [options] <bi-address> <bi-address>", failure=1)
async def socat(process: Process) -> int:
    arguments = parse(process, "dvxuUT:t:")
    if len(arguments.operands) != 2:
        message = (
            "socat[1] E exactly 2 addresses required (there are "
            + f'{len(arguments.operands)}); use option "-h" for help\n'
        )
        await process.stderr.write(message.encode())
        return 1
    left, right = arguments.operands
    kind, _, rest = left.partition(":")
    if kind.upper() in ("TCP-LISTEN", "TCP4-LISTEN", "TCP-L"):
        port = port_number(rest.partition(",")[0])
        if port is None:
            raise Complaint(f"E bad port {rest}")
        listener = process.network.listen(port)
        forks = ",fork" in rest
        tasks: set[asyncio.Task[None]] = set()
        try:
            while True:
                connection = await listener.accept()
                if not forks:
                    listener.close()
                    await _socat_serve(process, connection, right)
                    return 0
                task = process.thread(_socat_child(process, connection, right))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        finally:
            listener.close()
            for task in tasks:
                task.cancel()
    if right in ("-", "STDIO", "STDOUT"):
        left, right = right, left
    connection = await _socat_dial(process, right)
    await exchange(process, connection, process.stdin, process.stdout)
    return 0


async def _socat_child(process: Process, connection: Connection, target: str) -> None:
    """With `fork`: one client's trouble is told, and is nobody else's."""
    try:
        await _socat_serve(process, connection, target)
    except Complaint as complaint:
        await process.complain(complaint.text)
    except OSError as error:
        await process.complain(f"E {reason(error)}")
    finally:
        connection.close()


async def _socat_serve(process: Process, connection: Connection, target: str) -> None:
    kind, _, rest = target.partition(":")
    if kind.upper() in ("EXEC", "SYSTEM"):
        command = (
            ["/bin/sh", "-c", rest.partition(",")[0]] if kind.upper() == "SYSTEM" else rest.partition(",")[0].split()
        )
        await _run_behind(process, connection, command)
    elif target in ("-", "STDIO", "STDOUT"):
        await exchange(process, connection, process.stdin, process.stdout)
    elif kind.upper() == "PIPE" or target.upper() == "PIPE":
        with contextlib.suppress(OSError):
            while data := await connection.read():
                await connection.write(data)
        connection.close()
    else:
        far = await _socat_dial(process, target)
        source, sink = process.as_file(connection), process.as_file(connection)
        try:
            await exchange(process, far, source, sink)
        finally:
            connection.close()


async def _socat_dial(process: Process, target: str) -> Connection:
    kind, _, rest = target.partition(":")
    host, _, port = rest.partition(",")[0].rpartition(":")
    number = port_number(port)
    if kind.upper() not in ("TCP", "TCP4", "TCP-CONNECT") or number is None:
        raise Complaint(f'E unknown device/address "{kind}"')
    try:
        return await connect_any(process, await addresses(process, host), number)
    except NameNotFound:
        raise Complaint(f'E getaddrinfo("{host}", "NULL"): Name or service not known') from None
