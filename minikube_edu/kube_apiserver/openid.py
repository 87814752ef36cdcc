"""What the issuer of service account tokens publishes: /.well-known/openid-configuration and /openid/v1/jwks.

With these two documents anybody who knows OpenID Connect can verify a pod's token, without asking the API server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from minikube_edu.lib.web.messages import Request, Response

if TYPE_CHECKING:
    from minikube_edu.kube_apiserver.server import ApiServer

CONFIGURATION = "/.well-known/openid-configuration"
JWKS = "/openid/v1/jwks"
CACHED = [(b"Cache-Control", b"public, max-age=3600")]


def answer(server: ApiServer, request: Request) -> Response | None:
    issuer = server.issuer
    if issuer is None or request.path not in (CONFIGURATION, JWKS) or request.method != "GET":
        return None
    if request.path == CONFIGURATION:
        return Response(200, orjson.dumps(issuer.configuration(request.peer.local_address)), headers=CACHED)
    return Response(200, orjson.dumps(issuer.jwks()), b"application/jwk-set+json", CACHED)
