"""Which cluster, as whom: are kubeconfig files read as kubectl reads them?"""

from __future__ import annotations

import base64
import os
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from minikube_edu.client import kubeconfig
from minikube_edu.client.credentials import CredentialsError, Exec, ExecPlugin, Nobody, TokenFile
from minikube_edu.client.kubeconfig import ConfigError, KubeConfig
from minikube_edu.lib import clock


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def write(path: Path, **document: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", **document}))
    return str(path)


def config_of(tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any] | None = None) -> KubeConfig:
    path = write(
        tmp_path / "config",
        clusters=[{"name": "c", "cluster": {"server": "https://1.2.3.4:6443", **(cluster or {})}}],
        users=[{"name": "u", "user": user}],
        contexts=[{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "dev"}}],
        **{"current-context": "x"},
    )
    return kubeconfig.load(path)


async def test_what_does_a_context_say(tmp_path: Path) -> None:
    config = config_of(tmp_path, {"token": "t0"}, {"certificate-authority-data": encoded("CA"), "tls-server-name": "k"})
    found = config.client_config()
    assert found.endpoint.url == "https://1.2.3.4:6443"
    assert (found.endpoint.ca_data, found.endpoint.server_name) == ("CA", "k")
    assert found.namespace == "dev"
    assert await found.credentials.headers() == ((b"authorization", b"Bearer t0"),)
    assert config.client_config(namespace="other").namespace == "other"
    assert config.client_config(server="http://x").endpoint.url == "http://x"
    assert await config.client_config(token="t1").credentials.headers() == ((b"authorization", b"Bearer t1"),)


def test_does_the_first_of_several_files_win(tmp_path: Path) -> None:
    first = write(tmp_path / "1" / "config", clusters=[{"name": "c", "cluster": {"server": "https://one"}}])
    second = write(
        tmp_path / "2" / "config",
        clusters=[
            {"name": "c", "cluster": {"server": "https://two"}},
            {"name": "d", "cluster": {"server": "https://d", "certificate-authority": "ca.crt"}},
        ],
        contexts=[{"name": "x", "context": {"cluster": "d"}}],
        **{"current-context": "x"},
    )
    listed = os.pathsep.join([first, str(tmp_path / "missing"), second])
    config = kubeconfig.load(environment={"KUBECONFIG": listed})
    assert config.clusters["c"]["server"] == "https://one"
    assert config.current_context == "x"
    assert config.paths == [first, second]
    assert config.client_config().endpoint.ca_file == str(tmp_path / "2" / "ca.crt")


def test_is_the_home_s_file_the_last_resort(tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", **{"current-context": "home"})
    assert kubeconfig.load(environment={"HOME": str(tmp_path)}).current_context == "home"


@pytest.mark.parametrize(
    ("user", "cluster", "message"),
    [
        ({}, {"proxy-url": "http://p"}, "proxy-url is not supported"),
        (
            {},
            {"insecure-skip-tls-verify": True, "certificate-authority": "ca"},
            "specifying a root certificates file with the insecure flag is not allowed",
        ),
        ({"client-certificate-data": encoded("x")}, {}, "client-key-data or client-key must be specified for u"),
        ({"auth-provider": {"name": "gcp"}}, {}, 'no Auth Provider found for name "gcp"'),
        (
            {"exec": {"apiVersion": "client.authentication.k8s.io/v1"}},
            {},
            "command must be specified for u to use exec",
        ),
        (
            {"exec": {"command": "x", "apiVersion": "client.authentication.k8s.io/v1"}},
            {},
            "interactiveMode must be specified for u to use exec authentication plugin",
        ),
        ({"as-groups": ["g"]}, {}, "requesting uid, groups or user-extra without impersonating a user"),
        ({"client-key-data": "%%%"}, {}, 'user "u": client-key-data: '),
    ],
)
def test_what_is_refused(tmp_path: Path, user: dict[str, Any], cluster: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_of(tmp_path, user, cluster).client_config()
    assert message in str(caught.value)


def test_what_is_said_of_missing_things(tmp_path: Path) -> None:
    config = config_of(tmp_path, {})
    with pytest.raises(ConfigError, match=r'^context "y" does not exist$'):
        config.client_config("y")
    with pytest.raises(ConfigError, match=r'^cluster "d" does not exist$'):
        config.client_config(cluster="d")
    with pytest.raises(ConfigError, match="no configuration has been provided"):
        KubeConfig().client_config()
    with pytest.raises(ConfigError, match="no such file or directory"):
        kubeconfig.load(str(tmp_path / "none"))
    bad = tmp_path / "bad"
    bad.write_text("a: [")
    with pytest.raises(ConfigError, match="error loading config file"):
        kubeconfig.load(str(bad))


async def test_whom_can_a_user_be(tmp_path: Path) -> None:
    basic = config_of(tmp_path, {"username": "jo", "password": "pw"}).client_config()
    assert await basic.credentials.headers() == ((b"authorization", b"Basic " + encoded("jo:pw").encode()),)
    inline = config_of(
        tmp_path, {"client-certificate-data": encoded("CERT"), "client-key-data": encoded("KEY"), "client-key": "no"}
    ).client_config()
    assert await inline.credentials.certificate() == ("CERT", "KEY")
    (tmp_path / "crt").write_text("C1")
    (tmp_path / "key").write_text("K1")
    files = config_of(tmp_path, {"client-certificate": "crt", "client-key": "key"}).client_config()
    assert await files.credentials.certificate() == ("C1", "K1")
    other = config_of(
        tmp_path, {"as": "ann", "as-groups": ["g"], "as-uid": "7", "as-user-extra": {"k": ["v"]}}
    ).client_config()
    assert other.impersonate is not None
    assert other.impersonate.headers()[-1] == (b"impersonate-extra-k", b"v")


async def test_are_renewed_certificate_files_noticed(tmp_path: Path) -> None:
    cert, key = tmp_path / "crt", tmp_path / "key"
    cert.write_text("C1")
    key.write_text("K1")
    nobody = Nobody(cert_file=str(cert), key_file=str(key))
    assert await nobody.certificate() == ("C1", "K1")
    cert.write_text("C2")
    os.utime(cert, (1, 1))
    assert await nobody.certificate() == ("C2", "K1")


async def test_is_a_token_file_read_again(tmp_path: Path) -> None:
    time = clock.ManualClock()
    clock.install(time)
    path = tmp_path / "token"
    path.write_text("one\n")
    credentials = TokenFile(str(path))
    assert await credentials.headers() == ((b"authorization", b"Bearer one"),)
    path.write_text("two")
    assert (await credentials.headers())[0][1] == b"Bearer one"
    time.advance(61)
    assert (await credentials.headers())[0][1] == b"Bearer two"
    path.unlink()
    time.advance(61)
    assert (await credentials.headers())[0][1] == b"Bearer two"
    with pytest.raises(CredentialsError, match="failed to read token file"):
        await TokenFile(str(path)).headers()


def test_does_a_pod_find_its_cluster(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("t")
    (tmp_path / "ca.crt").write_text("CA")
    (tmp_path / "namespace").write_text("mine\n")
    environment = {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"}
    found = kubeconfig.in_cluster(str(tmp_path), environment)
    assert found.endpoint.url == "https://[fd00::1]:443"
    assert found.endpoint.ca_file == str(tmp_path / "ca.crt")
    assert found.namespace == "mine"
    with pytest.raises(ConfigError, match="KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined"):
        kubeconfig.in_cluster(str(tmp_path), {})


V1 = "client.authentication.k8s.io/v1"
SCRIPT = """
import json, os, sys
info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
with open(sys.argv[1], "a") as log:
    log.write(json.dumps(info) + "\\n")
print(json.dumps({"kind": "ExecCredential", "apiVersion": os.environ.get("AS", info["apiVersion"]),
                  "status": json.loads(sys.argv[2])}))
"""


def plugin(tmp_path: Path, status: Any, **more: Any) -> Exec:
    script = tmp_path / "plugin.py"
    script.write_text(SCRIPT)
    arguments = (str(script), str(tmp_path / "log"), orjson.dumps(status).decode())
    return Exec(ExecPlugin(sys.executable, V1, arguments, **{"interactive_mode": "Never", **more}))


def runs(tmp_path: Path) -> list[Any]:
    return [orjson.loads(line) for line in (tmp_path / "log").read_text().splitlines()]


async def test_is_a_plugin_run_once_until_it_expires_or_is_refused(tmp_path: Path) -> None:
    expiry = clock.rfc3339(clock.now() + 3600)
    credentials = plugin(tmp_path, {"token": "t", "expirationTimestamp": expiry}, cluster={"server": "https://s"})
    assert await credentials.headers() == ((b"authorization", b"Bearer t"),)
    await credentials.headers()
    assert await credentials.certificate() is None
    (told,) = runs(tmp_path)
    assert told["spec"] == {"interactive": False, "cluster": {"server": "https://s"}}
    assert credentials.rejected()
    await credentials.headers()
    assert len(runs(tmp_path)) == 2
    clock.install(clock.ManualClock(clock.now() + 3601))
    await credentials.headers()
    assert len(runs(tmp_path)) == 3


async def test_may_a_plugin_give_a_certificate(tmp_path: Path) -> None:
    credentials = plugin(tmp_path, {"clientCertificateData": "C", "clientKeyData": "K"})
    assert await credentials.headers() == ()
    assert await credentials.certificate() == ("C", "K")


@pytest.mark.parametrize(
    ("status", "more", "message"),
    [
        (None, {}, "exec plugin didn't return a status field"),
        ({"token": ""}, {}, "exec plugin didn't return a status field|didn't return a token or cert/key pair"),
        ({"clientKeyData": "K"}, {}, "exec plugin returned only certificate or key, not both"),
        (
            {"token": "t"},
            {"env": {"AS": "other/v1"}},
            "configured to use API version .*, plugin returned version other",
        ),
        ({"token": "t"}, {"interactive_mode": "Always"}, "standard input is not a terminal"),
    ],
)
async def test_is_a_bad_plugin_refused(tmp_path: Path, status: Any, more: dict[str, Any], message: str) -> None:
    with pytest.raises(CredentialsError, match=message):
        await plugin(tmp_path, status, **more).headers()


async def test_is_a_missing_or_failing_plugin_told_of(tmp_path: Path) -> None:
    with pytest.raises(CredentialsError, match=r"^exec: executable no-such-thing not found\n\nget it at"):
        await Exec(ExecPlugin("no-such-thing", V1, install_hint="get it at example.com")).headers()
    with pytest.raises(CredentialsError, match="failed with exit code 3"):
        await Exec(ExecPlugin(sys.executable, V1, ("-c", "raise SystemExit(3)"))).headers()
    with pytest.raises(CredentialsError, match='exec plugin: invalid apiVersion "v9"'):
        Exec(ExecPlugin("x", "v9"))
