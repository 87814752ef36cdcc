"""The command line, with etcd's flags: what they are called, what they mean, which of them change anything here.

Flags are read as Go reads them: one dash or two, `--flag=value` or `--flag value`, a boolean without a value is true
and never takes the next word; every flag can also come from the environment (`ETCD_DATA_DIR` for --data-dir). An
unknown flag is refused. Flags about members, elections, peers and bbolt are accepted and have no effect: this is a
cluster of one, on SQLite. What would promise something that is not kept (several members, user tokens, a revocation
list, discovery) is refused.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Mapping, Sequence

from msgspec import Struct

from minikube_edu.etcd.compact import AutoCompaction, parse_duration, parse_retention
from minikube_edu.etcd.limits import ETCD_VERSION, PROGRESS_INTERVAL
from minikube_edu.lib.node_root import below

# name = default; a boolean's default is true or false. The first group changes something here.
EFFECTIVE = """
name=default data-dir= listen-client-urls=http://localhost:2379 advertise-client-urls=http://localhost:2379
initial-advertise-peer-urls=http://localhost:2380 initial-cluster= listen-metrics-urls= quota-backend-bytes=0
auto-compaction-mode=periodic auto-compaction-retention=0 cert-file= key-file= trusted-ca-file= client-cert-auth=false
watch-progress-notify-interval=10m experimental-watch-progress-notify-interval= unsafe-no-fsync=false log-level=info
private-socket= version=false help=false
"""
ACCEPTED = """
wal-dir= snapshot-count=10000 heartbeat-interval=100 election-timeout=1000 initial-election-tick-advance=true
listen-peer-urls=http://localhost:2380 max-snapshots=5 max-wals=5 backend-batch-interval= backend-batch-limit=0
backend-bbolt-freelist-type=map max-txn-ops=128 max-request-bytes=1572864 max-concurrent-streams=4294967295
grpc-keepalive-min-time=5s grpc-keepalive-interval=2h grpc-keepalive-timeout=20s socket-reuse-port=false
socket-reuse-address=false initial-cluster-state=new initial-cluster-token=etcd-cluster strict-reconfig-check=true
pre-vote=true peer-cert-file= peer-key-file= peer-client-cert-auth=false peer-trusted-ca-file= peer-cert-allowed-cn=
peer-cert-allowed-hostname= peer-auto-tls=false peer-crl-file= cipher-suites= tls-min-version=TLS1.2 tls-max-version=
cors=* host-whitelist=* bcrypt-cost=10 auth-token-ttl=300 enable-pprof=false metrics=basic logger=zap
log-outputs=default log-format=json enable-log-rotation=false log-rotation-config-json= feature-gates=
corrupt-check-time=0s compact-hash-check-time=1m compaction-batch-limit=1000 compaction-sleep-interval=
warning-apply-duration=100ms warning-unary-request-duration=300ms bootstrap-defrag-threshold-megabytes=0
max-learners=1 snapshot-catchup-entries=5000 downgrade-check-time=5s memory-mlock=false
experimental-initial-corrupt-check=false experimental-corrupt-check-time=0s
experimental-compact-hash-check-enabled=false experimental-compact-hash-check-time=1m
experimental-enable-lease-checkpoint=false experimental-enable-lease-checkpoint-persist=false
experimental-compaction-batch-limit=1000 experimental-compaction-sleep-interval=
experimental-peer-skip-client-san-verification=false experimental-warning-apply-duration=100ms
experimental-warning-unary-request-duration=300ms experimental-memory-mlock=false
experimental-txn-mode-write-with-shared-buffer=true experimental-bootstrap-defrag-threshold-megabytes=0
experimental-stop-grpc-service-on-defrag=false experimental-max-learners=1 experimental-snapshot-catchup-entries=5000
"""
REFUSED = """
config-file= force-new-cluster=false discovery= discovery-srv= discovery-srv-name= discovery-proxy=
client-crl-file= client-cert-allowed-hostname= auto-tls=false auth-token=simple
experimental-enable-distributed-tracing=false enable-distributed-tracing=false
"""


class FlagError(Exception):
    """What is wrong with the command line, as etcd says it; `code` is the exit status."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Options(Struct, frozen=True):
    """What the flags come to."""

    name: str = "default"
    data_dir: str = "default.etcd"
    client_urls: Sequence[str] = ()
    advertise_client_urls: Sequence[str] = ()
    peer_urls: Sequence[str] = ()
    token: str = "etcd-cluster"
    metrics_urls: Sequence[str] = ()
    private_socket: str = ""
    quota: int = 0
    auto_compaction: AutoCompaction | None = None
    certificate: str = ""
    key: str = ""
    client_ca: str = ""
    client_certificates: bool = False
    progress_interval: float = PROGRESS_INTERVAL
    fsync: bool = True
    log_level: str = "info"

    @property
    def database(self) -> str:
        """Where etcd keeps its own."""
        return os.path.join(self.data_dir, "member", "snap", "db")


def _table(text: str) -> dict[str, str]:
    return {name: default for name, _, default in (word.partition("=") for word in text.split())}


_KNOWN = _table(EFFECTIVE) | _table(ACCEPTED) | _table(REFUSED)
_BOOLEANS = {name for name, default in _KNOWN.items() if default in ("true", "false")}
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


def parse(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Options:
    """The options of a command line; FlagError when etcd would refuse it, SystemExit(0) after --help or --version."""
    given = _environment(os.environ if environment is None else environment) | _read(arguments)
    if given.get("help") == "true":
        parser().print_help()
        raise SystemExit(0)
    if given.get("version") == "true":
        print(f"etcd Version: {ETCD_VERSION}\nGit SHA: minikube_edu")
        raise SystemExit(0)
    for name, default in _table(REFUSED).items():
        if given.get(name, default) != default:
            raise FlagError(f"--{name} is not supported by this etcd: a cluster of one, without users and discovery")
    return _options(given)


def _environment(environment: Mapping[str, str]) -> dict[str, str]:
    names = {"ETCD_" + name.upper().replace("-", "_"): name for name in _KNOWN if name not in ("help", "version")}
    return {names[variable]: value for variable, value in environment.items() if variable in names and value}


def _read(arguments: Sequence[str]) -> dict[str, str]:
    """Normalise Go's ways of writing flags, then let argparse read them."""
    words: list[str] = []
    pending = False  # whether the word before waits for its value
    for word in arguments:
        if pending or not word.startswith("-") or word == "-":
            if not pending:
                raise FlagError(f"error verifying flags, '{word}' is not a valid flag. See 'etcd --help'.")
            words[-1] += "=" + word
            pending = False
            continue
        name, equals, value = re.sub("^--?", "", word).partition("=")
        name = "help" if name == "h" else name
        if name not in _KNOWN:
            raise FlagError(f"flag provided but not defined: -{name}", 2)
        if name in _BOOLEANS:
            words.append(f"--{name}={_boolean(name, value if equals else 'true')}")
        else:
            words.append(f"--{name}{equals}{value}")
            pending = not equals
    if pending:
        raise FlagError(f"flag needs an argument: {words[-1][1:]}", 2)
    return {name.replace("_", "-"): value for name, value in vars(parser().parse_args(words)).items()}


def _boolean(name: str, value: str) -> str:
    if value not in _TRUE + _FALSE:
        raise FlagError(f'invalid boolean value "{value}" for -{name}: parse error', 2)
    return "true" if value in _TRUE else "false"


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "etcd",
        description="etcd's seat on SQLite: a cluster of one. Also: snapshot restore FILE --data-dir DIR.",
        add_help=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    groups = [("flags", EFFECTIVE), ("accepted, without effect here", ACCEPTED), ("refused unless default", REFUSED)]
    for title, text in groups:
        group = parser.add_argument_group(title)
        for name, default in _table(text).items():
            group.add_argument(f"--{name}", metavar=f"'{default}'")
    return parser


def _options(given: Mapping[str, str]) -> Options:
    def value(name: str) -> str:
        return given.get(name, _KNOWN[name])

    private = value("private-socket")
    if not private and "listen-client-urls" in given and "advertise-client-urls" not in given:
        raise FlagError("--advertise-client-urls is required when --listen-client-urls is set explicitly")
    # Alone with the private socket nobody else is served: gRPC is a cost that has to be asked for.
    client_urls = value("listen-client-urls") if not private or "listen-client-urls" in given else ""
    if len([member for member in value("initial-cluster").split(",") if member]) > 1:
        raise FlagError("--initial-cluster names several members, but this etcd is a cluster of one: run a real one")
    if value("client-cert-auth") == "true" and not value("trusted-ca-file"):
        raise FlagError("--client-cert-auth needs --trusted-ca-file")
    if bool(value("cert-file")) != bool(value("key-file")):
        raise FlagError("KeyFile and CertFile must both be present: --cert-file and --key-file")
    try:
        auto_compaction = parse_retention(value("auto-compaction-mode"), value("auto-compaction-retention"))
        quota = int(value("quota-backend-bytes"))
        interval = value("experimental-watch-progress-notify-interval") or value("watch-progress-notify-interval")
        progress = parse_duration(interval)
    except ValueError as error:
        raise FlagError(str(error), 2) from error
    return Options(
        name=value("name"),
        data_dir=below(value("data-dir")) or f"{value('name')}.etcd",
        client_urls=_urls(client_urls),
        advertise_client_urls=_urls(value("advertise-client-urls")),
        peer_urls=_urls(value("initial-advertise-peer-urls")),
        token=value("initial-cluster-token"),
        metrics_urls=_urls(value("listen-metrics-urls")),
        private_socket=private,
        quota=max(0, quota),
        auto_compaction=auto_compaction,
        certificate=below(value("cert-file")),
        key=below(value("key-file")),
        client_ca=below(value("trusted-ca-file")),
        client_certificates=value("client-cert-auth") == "true",
        progress_interval=progress,
        fsync=value("unsafe-no-fsync") != "true",
        log_level=value("log-level"),
    )


def _urls(text: str) -> tuple[str, ...]:
    urls = tuple(url for url in text.split(",") if url)
    for url in urls:
        if not re.match(r"^(https?|unixs?)://[^/]+", url):
            raise FlagError(f"URL scheme must be http, https, unix, or unixs: {url}")
    return urls
