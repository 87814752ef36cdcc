"""Does each controller work as itself, and with no more rights than the real one has?"""

from __future__ import annotations

import asyncio
from typing import Any

from minikube_edu.client.credentials import Nobody
from minikube_edu.kube_controller_manager.identities import ACCOUNTS, AccountToken, account_of
from minikube_edu.kube_controller_manager.manager import TABLE
from tests.in_process import api_server


def bootstrap_accounts() -> set[str]:
    from minikube_edu.kube_apiserver.bootstrap import objects  # the roles that every cluster has

    return {
        subject["name"]
        for one in objects()
        for subject in one.get("subjects", ())
        if subject["kind"] == "ServiceAccount"
    }


async def test_has_every_controller_an_account_that_the_bootstrap_roles_know() -> None:
    no_role = {"serviceaccount-token-controller", "bootstrap-signer-controller", "token-cleaner-controller"}
    known = bootstrap_accounts()
    unknown = {name for name in TABLE if account_of(name) not in known} - no_role
    assert unknown == set()


async def test_is_the_account_made_when_it_is_missing_and_the_token_kept() -> None:
    async with api_server() as api:
        token: Nobody = AccountToken(api.client(), "job-controller")
        first = await token.headers()
        assert first[0][1].startswith(b"Bearer ")
        account: dict[str, Any] = await api.client().get(ACCOUNTS, "job-controller", "kube-system")
        assert account["metadata"]["name"] == "job-controller"
        assert list(await asyncio.gather(token.headers(), token.headers())) == [first, first]


async def test_is_a_refused_token_asked_for_anew() -> None:
    async with api_server() as api:
        token = AccountToken(api.client(), "job-controller")
        await token.headers()
        assert token.rejected()
        assert not token.rejected()
        assert (await token.headers())[0][1].startswith(b"Bearer ")
