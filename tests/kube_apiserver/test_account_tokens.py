"""Tokens: who makes them, whom they speak for, and when they stop."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from minikube_edu.kube_apiserver.authn.issuer import Issuer
from minikube_edu.kube_apiserver.flags import parser
from minikube_edu.lib import clock, jwt
from tests.in_process import Api, Reply, api_server

Object = dict[str, Any]
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
PODS = "/api/v1/namespaces/default/pods"
SECRETS = "/api/v1/namespaces/kube-system/secrets"
SELF = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"


@pytest.fixture
def time() -> Iterator[clock.ManualClock]:
    manual = clock.ManualClock()
    before = clock.install(manual)
    yield manual
    clock.install(before)


@pytest.fixture
async def api(time: clock.ManualClock) -> AsyncIterator[Api]:
    async with api_server("--enable-bootstrap-token-auth") as running:
        await running.create(ACCOUNTS, "default")
        yield running


async def token(api: Api, **spec: Any) -> str:
    reply = await api.post(f"{ACCOUNTS}/default/token", {"spec": spec})
    assert reply.code == 201, reply
    return str(reply.json["status"]["token"])


async def whoami(api: Api, secret: str) -> Reply:
    headers = {"Authorization": f"Bearer {secret}"}
    return await api.post(SELF, {"kind": "SelfSubjectReview"}, headers=headers, user=api.caller(None))


async def pod(api: Api, name: str = "p") -> Object:
    return await api.create(PODS, name, spec={"containers": [{"name": "c", "image": "i"}]})


async def test_is_a_token_good_until_it_ends(api: Api, time: clock.ManualClock) -> None:
    made = await token(api, expirationSeconds=600)
    user = (await whoami(api, made)).json["status"]["userInfo"]
    assert user["username"] == "system:serviceaccount:default:default"
    assert user["groups"] == ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]
    time.advance(600)
    assert (await whoami(api, made)).code == 201  # clocks differ by up to a minute
    time.advance(61)
    assert (await whoami(api, made)).code == 401


async def test_does_a_token_die_with_its_account_even_if_another_comes(api: Api, time: clock.ManualClock) -> None:
    made = await token(api)
    assert (await whoami(api, made)).code == 201
    await api.delete(f"{ACCOUNTS}/default")
    time.advance(10)
    assert (await whoami(api, made)).code == 401
    await api.create(ACCOUNTS, "default")
    assert (await whoami(api, made)).code == 401


async def test_is_who_was_recognized_remembered_for_ten_seconds_and_no_refusal(
    api: Api, time: clock.ManualClock
) -> None:
    """As the real server's cache: of a token that has just been used, its account's end is noticed late."""
    made, unused = await token(api), await token(api)
    assert (await whoami(api, made)).code == 201
    await api.delete(f"{ACCOUNTS}/default")
    assert (await whoami(api, unused)).code == 401
    time.advance(9)
    assert (await whoami(api, made)).code == 201
    time.advance(1)  # from the first look on, not from the last
    assert (await whoami(api, made)).code == 401


async def test_does_a_bound_token_die_with_its_pod(api: Api, time: clock.ManualClock) -> None:
    await pod(api)
    made = await token(api, boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "p"})
    extra = (await whoami(api, made)).json["status"]["userInfo"]["extra"]
    assert extra["authentication.kubernetes.io/pod-name"] == ["p"]
    await api.patch(f"{PODS}/p", {"metadata": {"labels": {"a": "b"}}})
    assert (await whoami(api, made)).code == 201
    await api.delete(f"{PODS}/p")
    time.advance(10)
    assert (await whoami(api, made)).code == 401


async def test_is_a_token_for_others_none_for_the_api_server(api: Api) -> None:
    made = await token(api, audiences=["vault"])
    assert (await whoami(api, made)).code == 401
    review = await api.post(REVIEWS, {"spec": {"token": made, "audiences": ["vault", "else"]}})
    assert review.json["status"]["authenticated"] is True
    assert review.json["status"]["audiences"] == ["vault"]


async def test_is_a_token_with_a_changed_letter_nobodys(api: Api) -> None:
    head, claims, signature = (await token(api)).split(".")
    forged = jwt.encode(jwt.decode(claims).replace(b"default:default", b"default:another"))
    assert (await whoami(api, f"{head}.{forged}.{signature}")).code == 401
    other = signature[:-2] + ("A" if signature[-2] != "A" else "B") + signature[-1]
    assert (await whoami(api, f"{head}.{claims}.{other}")).code == 401


async def test_does_what_every_pod_gets_live_for_a_year_with_a_warning(api: Api) -> None:
    await pod(api)
    reference = {"kind": "Pod", "apiVersion": "v1", "name": "p"}
    claims = jwt.unverified_claims(await token(api, boundObjectRef=reference, expirationSeconds=3607))
    assert claims["exp"] - claims["iat"] == 365 * 24 * 3600
    assert claims["kubernetes.io"]["warnafter"] - claims["iat"] == 3607
    short = jwt.unverified_claims(await token(api, boundObjectRef=reference, expirationSeconds=3600))
    assert short["exp"] - short["iat"] == 3600


async def test_can_anybody_verify_a_token_with_what_is_published(api: Api) -> None:
    made = await token(api)
    configuration = (await api.get("/.well-known/openid-configuration")).json
    assert configuration["issuer"] == jwt.unverified_claims(made)["iss"]
    assert configuration["jwks_uri"].endswith("/openid/v1/jwks")
    keys = (await api.get("/openid/v1/jwks")).json["keys"]
    assert [key["alg"] for key in keys] == configuration["id_token_signing_alg_values_supported"]
    assert api.server.issuer is not None
    assert jwt.verify(made, api.server.issuer.public_pems())["sub"] == "system:serviceaccount:default:default"


async def test_does_a_bootstrap_token_authenticate_until_it_expires(api: Api, time: clock.ManualClock) -> None:
    data = {
        "token-id": "abcdef", "token-secret": "0123456789abcdef", "usage-bootstrap-authentication": "true",
        "expiration": clock.rfc3339(clock.now() + 60), "auth-extra-groups": "system:bootstrappers:lab",
    }  # fmt: skip
    encoded = {key: b64encode(value.encode()).decode() for key, value in data.items()}
    await api.create(SECRETS, "bootstrap-token-abcdef", type="bootstrap.kubernetes.io/token", data=encoded)
    user = (await whoami(api, "abcdef.0123456789abcdef")).json["status"]["userInfo"]
    assert user["username"] == "system:bootstrap:abcdef"
    assert "system:bootstrappers:lab" in user["groups"]
    assert (await whoami(api, "abcdef.0123456789abcdee")).code == 401
    time.advance(60)
    assert (await whoami(api, "abcdef.0123456789abcdef")).code == 401


async def test_does_a_token_of_a_secret_die_with_its_secret(api: Api, time: clock.ManualClock) -> None:
    """The old kind, which a controller signs and keeps in a secret."""
    account = (await api.get(f"{ACCOUNTS}/default")).json
    prefix = "kubernetes.io/serviceaccount/"
    about = {
        "namespace": "default", "secret.name": "old", "service-account.name": "default",
        "service-account.uid": account["metadata"]["uid"],
    }  # fmt: skip
    assert api.server.issuer is not None
    claims = {"iss": "kubernetes/serviceaccount", **{prefix + key: value for key, value in about.items()}}
    made = api.server.issuer.signer.sign(claims)
    secrets = "/api/v1/namespaces/default/secrets"
    assert (await whoami(api, made)).code == 401
    data = {"token": b64encode(made.encode()).decode()}
    metadata = {"annotations": {"kubernetes.io/service-account.name": "default"}}
    await api.create(secrets, "old", type="kubernetes.io/service-account-token", data=data, metadata=metadata)
    assert (await whoami(api, made)).json["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"
    await api.delete(f"{secrets}/old")
    time.advance(10)
    assert (await whoami(api, made)).code == 401


def test_may_issuers_be_named_one_by_one() -> None:
    options = parser().parse_args(["--service-account-issuer=https://a", "--service-account-issuer", "https://b"])
    assert Issuer.from_flags(options, "/nowhere").issuers == ("https://a", "https://b")


@pytest.mark.parametrize("header", ["Bearer ", "Basic YTpi", "Negotiate x"])
async def test_is_a_header_without_a_token_no_credential(api: Api, header: str) -> None:
    reply = await api.get("/version", headers={"Authorization": header}, user=api.caller(None))
    assert reply.code == 200


async def test_does_a_websocket_carry_its_token_in_a_subprotocol(api: Api) -> None:
    made = await token(api)
    protocol = "base64url.bearer.authorization.k8s.io." + jwt.encode(made.encode())
    connection = api.caller(None)
    names = []
    for headers in ({}, {"Sec-WebSocket-Protocol": protocol}, {}):  # the connection itself stays nobody's
        reply = await api.post(SELF, {"kind": "SelfSubjectReview"}, headers=headers, user=connection)
        names.append(reply.json["status"]["userInfo"]["username"])
    assert names == ["system:anonymous", "system:serviceaccount:default:default", "system:anonymous"]
