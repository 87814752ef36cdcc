"""The flags that every command takes: which cluster, as whom, how loud. `kubectl options` lists them."""

from __future__ import annotations

import os

from minikube_edu.kubectl.flags import Flag


def _cache_directory() -> str:
    return os.environ.get("KUBECACHEDIR") or os.path.join(os.environ.get("HOME", ""), ".kube", "cache")


GLOBAL = (
    Flag(
        "as",
        help="Username to impersonate for the operation. User could be a regular user or a service account in "
        "a namespace.",
    ),
    Flag(
        "as-group",
        "array",
        help="Group to impersonate for the operation, this flag can be repeated to specify multiple groups.",
    ),
    Flag("as-uid", help="UID to impersonate for the operation."),
    Flag("as-user-extra", "array", help="User extras to impersonate for the operation, as key=value; can be repeated."),
    Flag("cache-dir", default=_cache_directory(), help="Directory of the cache."),
    Flag("certificate-authority", help="Path to the certificate of the certificate authority."),
    Flag("client-certificate", help="Path to a client certificate for TLS."),
    Flag("client-key", help="Path to the key of the client certificate."),
    Flag("cluster", help="The cluster of the kubeconfig to use."),
    Flag("context", help="The context of the kubeconfig to use."),
    Flag("disable-compression", "bool", help="Ask for answers that are not compressed."),
    Flag("insecure-skip-tls-verify", "bool", help="Believe any server. This makes your HTTPS connections insecure."),
    Flag("kubeconfig", help="Path to the kubeconfig file to use."),
    Flag("kuberc", help="Path to the kuberc file of preferences; KUBERC=off switches preferences off."),
    Flag("match-server-version", "bool", help="Require that the server's version is this client's."),
    Flag("namespace", short="n", help="The namespace of this request."),
    Flag("password", help="Password for basic authentication."),
    Flag("profile", default="none", help="What to profile. One of (none|cpu|heap|goroutine|threadcreate|block|mutex)"),
    Flag("profile-output", default="profile.pprof", help="File to write the profile to."),
    Flag(
        "request-timeout",
        default="0",
        help="How long to wait for one answer: a number with a unit (1s, 2m, 3h), or 0 for as long as it takes.",
    ),
    Flag("server", short="s", help="Address and port of the API server."),
    Flag("tls-server-name", help="The name that the server's certificate must have, when it is not its address."),
    Flag("token", help="Bearer token for authentication to the API server."),
    Flag("user", help="The user of the kubeconfig to use."),
    Flag("username", help="Username for basic authentication."),
    Flag("v", "int", short="v", help="How much to log."),
    Flag("vmodule", "pairs", help="How much to log of single files, as pattern=N."),
    Flag("log-flush-frequency", "duration", default="5s", help="How often logs are written out."),
    Flag("warnings-as-errors", "bool", help="Treat warnings received from the server as errors and exit with 1."),
)
