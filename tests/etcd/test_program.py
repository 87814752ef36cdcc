"""The program: etcd's flags, its health port, what it imports, how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from minikube_edu.etcd.contract import Put, Store
from minikube_edu.etcd.flags import FlagError, Options, parse
from minikube_edu.etcd.health_face import HealthFace
from minikube_edu.etcd.opening import open_store
from minikube_edu.etcd.server import main, serve
from minikube_edu.etcd.socket_driver import SocketStore
from tests.etcd.certificates import certificates

KUBEADM = [
    "--advertise-client-urls=https://10.0.0.1:2379",
    "--cert-file=/pki/server.crt",
    "--client-cert-auth=true",
    "--data-dir=/var/lib/etcd",
    "--feature-gates=InitialCorruptCheck=true",
    "--initial-advertise-peer-urls=https://10.0.0.1:2380",
    "--initial-cluster=node=https://10.0.0.1:2380",
    "--key-file=/pki/server.key",
    "--listen-client-urls=https://127.0.0.1:2379,https://10.0.0.1:2379",
    "--listen-metrics-urls=http://127.0.0.1:2381",
    "--listen-peer-urls=https://10.0.0.1:2380",
    "--name=node",
    "--peer-cert-file=/pki/peer.crt",
    "--peer-client-cert-auth=true",
    "--peer-key-file=/pki/peer.key",
    "--peer-trusted-ca-file=/pki/ca.crt",
    "--snapshot-count=10000",
    "--trusted-ca-file=/pki/ca.crt",
    "--watch-progress-notify-interval=5s",
]


def test_is_the_command_line_of_kubeadm_understood() -> None:
    options = parse(KUBEADM, {})
    assert options == Options(
        name="node",
        data_dir="/var/lib/etcd",
        client_urls=("https://127.0.0.1:2379", "https://10.0.0.1:2379"),
        advertise_client_urls=("https://10.0.0.1:2379",),
        peer_urls=("https://10.0.0.1:2380",),
        metrics_urls=("http://127.0.0.1:2381",),
        certificate="/pki/server.crt",
        key="/pki/server.key",
        client_ca="/pki/ca.crt",
        client_certificates=True,
        progress_interval=5.0,
    )
    assert options.database == "/var/lib/etcd/member/snap/db"


def test_are_flags_written_as_go_writes_them() -> None:
    options = parse(
        ["-name", "x", "--unsafe-no-fsync", "--quota-backend-bytes", "7"], {"ETCD_DATA_DIR": "/d", "ETCD_NAME": "y"}
    )
    assert (options.name, options.fsync, options.quota, options.data_dir) == ("x", False, 7, "/d")
    assert parse(["--auto-compaction-retention=5m"], {}).auto_compaction is not None
    assert parse(["--private-socket=/s"], {}).client_urls == ()


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (["--nonsense"], "flag provided but not defined: -nonsense", 2),
        (["extra"], "'extra' is not a valid flag", 1),
        (["--name"], "flag needs an argument: -name", 2),
        (["--client-cert-auth=maybe"], 'invalid boolean value "maybe"', 2),
        (["--client-cert-auth", "true"], "'true' is not a valid flag", 1),
        (["--listen-client-urls=http://x:1"], "--advertise-client-urls is required", 1),
        (["--initial-cluster=a=http://a:1,b=http://b:1"], "cluster of one", 1),
        (["--auto-tls"], "--auto-tls is not supported", 1),
        (["--cert-file=x"], "KeyFile and CertFile must both be present", 1),
        (["--watch-progress-notify-interval=soon"], 'invalid duration "soon"', 2),
    ],
)
def test_is_a_wrong_command_line_refused(
    words: list[str], message: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(FlagError, match=message.replace("(", r"\(")):
        parse(words, {})
    assert main(words) == code
    assert message in capsys.readouterr().err


async def test_does_the_program_serve_and_stop(tmp_path: Path) -> None:
    options = Options(data_dir=str(tmp_path), private_socket=str(tmp_path / "s"), fsync=False)
    stop, ready = asyncio.Event(), asyncio.Event()
    serving = asyncio.create_task(serve(options, stop, lambda urls: ready.set()))
    await ready.wait()
    store = await SocketStore.open(str(tmp_path / "s"))
    assert (await store.put(Put(b"a", b""))).revision == 2
    stop.set()
    await serving
    assert not (tmp_path / "s").exists()
    await store.close()


async def test_does_the_program_open_all_its_doors(tmp_path: Path) -> None:
    from minikube_edu.etcd.grpc_driver import GrpcStore

    certificates(tmp_path)
    pki = {name: str(tmp_path / name) for name in ("server.crt", "server.key", "ca.crt", "client.crt", "client.key")}
    with socket.socket() as probe:  # the metrics port is not told to anybody, so it has to be chosen
        probe.bind(("127.0.0.1", 0))
        metrics = probe.getsockname()[1]
    options = parse(
        [
            *(f"--data-dir={tmp_path}", f"--private-socket={tmp_path / 's'}", "--unsafe-no-fsync"),
            *("--listen-client-urls=https://127.0.0.1:0,http://127.0.0.1:0", "--advertise-client-urls=https://x:2379"),
            *(f"--cert-file={pki['server.crt']}", f"--key-file={pki['server.key']}", "--client-cert-auth"),
            *(f"--trusted-ca-file={pki['ca.crt']}", f"--listen-metrics-urls=http://127.0.0.1:{metrics}"),
        ],
        {},
    )
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(options, stop, ready.set_result))
    secure, plain = await ready
    stores: list[Store] = [
        await GrpcStore.open([secure], cafile=pki["ca.crt"], certfile=pki["client.crt"], keyfile=pki["client.key"]),
        await GrpcStore.open([plain]),
        await SocketStore.open(str(tmp_path / "s")),
    ]
    assert [(await store.put(Put(b"a", b""))).revision for store in stores] == [2, 3, 4]
    assert (await ask(metrics, "GET /health HTTP/1.1\r\n\r\n"))[0] == 200
    for store in stores:
        await store.close()
    stop.set()
    await serving


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(client_urls=("https://127.0.0.1:0",)), "needs --cert-file and --key-file"),
        (Options(client_urls=("http://127.0.0.1:0",), certificate="/absent", key="/absent"), "No such file"),
    ],
)
async def test_does_a_door_that_cannot_open_end_the_program(tmp_path: Path, options: Options, words: str) -> None:
    with pytest.raises((FlagError, OSError), match=words):
        await serve(replace(options, data_dir=str(tmp_path)), asyncio.Event())


def test_does_the_program_import_nothing_heavy_for_its_private_socket() -> None:
    code = "import sys, minikube_edu.etcd.server, minikube_edu.etcd.socket_face; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"grpc", "google", "cryptography", "yaml", "prometheus_client", "sqlite_utils", "typer", "rich"}


async def ask(port: int, request: str) -> tuple[int, str]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode())
    answer = (await reader.read()).decode()
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split(" ")[1]), body


async def test_does_the_health_port_tell_how_it_is() -> None:
    store = await open_store(None, quota=1)
    face = HealthFace(store)
    port = await face.listen("127.0.0.1", 0)

    async def get(path: str) -> tuple[int, str]:
        return await ask(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")

    assert await get("/health") == (200, '{"health":"true","reason":""}')
    assert json.loads((await get("/version"))[1])["etcdserver"].startswith("3.")
    assert "etcd_mvcc_db_total_size_in_bytes" in (await get("/metrics"))[1]
    assert await get("/readyz") == (200, "ok\n")
    assert (await get("/nothing"))[0] == 404
    assert (await ask(port, "POST /health HTTP/1.1\r\n\r\n"))[0] == 405
    with contextlib.suppress(Exception):
        await store.put(Put(b"a", b""))
    assert await get("/health") == (503, '{"health":"false","reason":"ALARM NOSPACE"}')
    await face.close()
    await store.close()
