"""`kubeadm token` against an API server, as a recorded session has it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from minikube_edu.kubeadm import files
from minikube_edu.kubeadm.phases.kubeconfig import text_of
from tests.in_process import api_server
from tests.kubeadm import transcripts
from tests.kubeadm.fake_host import FakeHost, kubeadm

KEY = "ab" * 32
COMMANDS = [(one[0].replace("<64 hex digits>", KEY), *one[1:]) for one in transcripts.read("token.txt")]
SESSION = [one for one in COMMANDS if not re.search(r"[|>;<]", one[0])]
SERVER = "192.0.2.2:6443"


def likened(text: str) -> str:
    text = re.sub(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z", "YYYY-MM-DDThh:mm:ssZ", text)
    text = re.sub(r"sha256:[0-9a-f]{64}", "sha256:<hash>", text)
    text = re.sub(r"expiration: \S+", "expiration: X", text)
    text = re.sub(r"--token 5f267t\S+|--token (?!cccccc)\S+(?= .*--certificate-key abc)", "--token NEW", text)
    # Columns of the recorded tables are as wide as a row that the recording left out.
    text = re.sub(r"(?<=\S) {3,}", "   ", text)
    return text.replace(SERVER, "<server>").replace(KEY, "<hash>").rstrip("\n")


async def administered(tmp_path: Path, host: FakeHost) -> None:
    """An administrator's kubeconfig on the machine."""
    from minikube_edu.lib import pki

    ca = pki.make_ca("kubernetes")
    who = pki.make_certificate(ca, "kubernetes-admin", ["system:masters"])
    from base64 import b64encode

    credentials = {
        "client-certificate-data": b64encode(who.certificate).decode(),
        "client-key-data": b64encode(who.key).decode(),
    }
    text = text_of(f"https://{SERVER}", ca.certificate, "kubernetes-admin", credentials)
    files.write(host, "/etc/kubernetes/admin.conf", text)


async def test_does_the_recorded_session_come_out_the_same(tmp_path: Path) -> None:
    async with api_server() as api:
        host = FakeHost(tmp_path, api)
        await administered(tmp_path, host)
        first = ("token", "create", "abcdef.0123456789abcdef", "--description", "default")
        assert (await kubeadm(host, *first))[0] == 0
        for command, expected, expected_code in SESSION:
            if "init.yaml" in command or "go-template" in command:
                continue
            code, out, err = await kubeadm(host, *shlex.split(command)[1:])
            assert (code, likened(out + err)) == (expected_code, likened(expected)), command


@pytest.mark.parametrize("count", [20])
async def test_are_generated_tokens_well_formed_and_all_different(tmp_path: Path, count: int) -> None:
    found = {(await kubeadm(FakeHost(tmp_path), "token", "generate"))[1] for _ in range(count)}
    assert len(found) == count
    assert all(re.fullmatch(r"[a-z0-9]{6}\.[a-z0-9]{16}\n", one) for one in found)


async def test_is_an_expired_token_shown_without_time_left(tmp_path: Path) -> None:
    async with api_server() as api:
        host = FakeHost(tmp_path, api)
        await administered(tmp_path, host)
        await kubeadm(host, "token", "create", "aaaaaa.aaaaaaaaaaaaaaaa", "--ttl", "0")
        _, out, _ = await kubeadm(host, "token", "list")
        assert out.splitlines()[1].split()[1:3] == ["<forever>", "<never>"]
