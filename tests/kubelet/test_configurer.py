"""What a container is given: environment, mounts, names, user, resources, labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.container_runtime.cri import ContainerConfig, PortMapping
from minikube_edu.kubelet import env_file
from minikube_edu.kubelet.configurer import PodConfigurer
from minikube_edu.kubelet.contract import NodeIdentity, PodAddresses, SyncFailure
from minikube_edu.kubelet.expansion import expand
from minikube_edu.kubelet.node_paths import below
from tests.kubelet.fake_objects import FakeObjects, FakeRecorder, Object, pod_of
from tests.kubelet.fake_runtime import FakeRuntime

ADDRESSES = PodAddresses(("10.244.1.7",), ("127.16.0.2",))


class Bench:
    def __init__(self, root: Path) -> None:
        self.root, self.objects, self.recorder, self.runtime = root, FakeObjects(), FakeRecorder(), FakeRuntime()
        self.identity = NodeIdentity("n1", root, "127.16.0.2", cluster_dns=("10.96.0.10",))
        self.configurer = PodConfigurer(self.identity, self.runtime, self.objects, self.recorder)
        self.volumes: dict[str, Path] = {}

    async def configure(self, pod: Object, user: str = "", addresses: PodAddresses = ADDRESSES) -> ContainerConfig:
        image = self.runtime.has_image("nginx", user=user)
        container = pod["spec"]["containers"][0]
        return await self.configurer.container(pod, container, 0, self.volumes, addresses, image.id)

    async def environment(self, **container: Any) -> dict[str, str]:
        container = {"name": "c", "image": "nginx", **container}
        return dict((await self.configure(pod_of(container, nodeName="n1"))).env)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_do_later_variables_see_earlier_ones_and_two_dollars_stand_for_one(bench: Bench) -> None:
    env = [
        {"name": "A", "value": "1"}, {"name": "B", "value": "$(A)-$(C)-$$(A)"},
        {"name": "A", "value": "2"}, {"name": "EMPTY"},
    ]  # fmt: skip
    assert await bench.environment(env=env) == {"A": "2", "B": "1-$(C)-$(A)", "EMPTY": ""}


async def test_does_env_win_over_env_from_and_both_over_services(bench: Bench) -> None:
    bench.objects.has_config_map("settings", A="map", B="map")
    bench.objects.has_secret("keys", B="secret", DB_SERVICE_HOST="mine")
    bench.objects.has_service("db", "10.96.3.3", {"port": 5432, "name": "pg-main"})
    sources = [{"configMapRef": {"name": "settings"}, "prefix": "X_"}, {"secretRef": {"name": "keys"}}]
    missing = {"configMapRef": {"name": "none", "optional": True}}
    found = await bench.environment(envFrom=[*sources, missing], env=[{"name": "X_A", "value": "own"}])
    assert (found["X_A"], found["X_B"], found["B"], found["DB_SERVICE_HOST"]) == ("own", "map", "secret", "mine")
    assert found["DB_SERVICE_PORT"] == found["DB_SERVICE_PORT_PG_MAIN"] == "5432"
    assert found["DB_PORT_5432_TCP"] == found["DB_PORT"] == "tcp://10.96.3.3:5432"


async def test_is_a_pod_without_service_links_told_of_the_api_server_alone(bench: Bench) -> None:
    bench.objects.has_service("kubernetes", "10.96.0.1", {"port": 443, "name": "https"})
    bench.objects.has_service("db", "10.96.3.3", {"port": 5432}, namespace="shop")
    pod = pod_of(namespace="shop", enableServiceLinks=False)
    env = (await bench.configure(pod)).env
    assert env["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert not any(name.startswith("DB_") for name in env)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"configMapKeyRef": {"name": "none", "key": "k"}}, 'configmap "none" not found'),
        ({"secretKeyRef": {"name": "none", "key": "k"}}, 'secret "none" not found'),
        ({"configMapKeyRef": {"name": "settings", "key": "k"}}, "couldn't find key k in ConfigMap default/settings"),
        ({"secretKeyRef": {"name": "keys", "key": "k"}}, "couldn't find key k in Secret default/keys"),
        (
            {"fileKeyRef": {"volumeName": "v", "path": "e", "key": "K"}},
            'cannot find the volume "v" referenced by FileKeyRef',
        ),
        ({"resourceFieldRef": {"containerName": "x", "resource": "limits.cpu"}}, "container x not found"),
    ],
)  # fmt: skip
async def test_is_a_missing_source_named_in_the_real_words(bench: Bench, source: Object, message: str) -> None:
    bench.objects.has_config_map("settings", A="1")
    bench.objects.has_secret("keys", A="1")
    with pytest.raises(SyncFailure) as caught:
        await bench.environment(env=[{"name": "V", "valueFrom": source}])
    assert (caught.value.reason, caught.value.message) == ("CreateContainerConfigError", message)


async def test_does_the_downward_api_divide_and_round_up(bench: Bench) -> None:
    bench.objects.own_node = {"status": {"allocatable": {"cpu": "4", "memory": "8Gi"}, "capacity": {"memory": "8Gi"}}}
    resources = {"requests": {"cpu": "250m", "memory": "100Mi"}, "limits": {"memory": "100.5Mi"}}

    def reference(resource: str, divisor: str = "0") -> Object:
        return {"resourceFieldRef": {"resource": resource, "divisor": divisor}}

    wanted = {
        "CPU": reference("requests.cpu"), "MILLI": reference("requests.cpu", "1m"), "LIMIT": reference("limits.cpu"),
        "MEMORY": reference("limits.memory", "1Mi"), "BYTES": reference("requests.memory"),
        "NAME": {"fieldRef": {"fieldPath": "metadata.name"}}, "IP": {"fieldRef": {"fieldPath": "status.podIP"}},
        "APP": {"fieldRef": {"fieldPath": "metadata.labels['app']"}},
        "HOST": {"fieldRef": {"fieldPath": "status.hostIP"}}, "NODE": {"fieldRef": {"fieldPath": "spec.nodeName"}},
    }  # fmt: skip
    env = [{"name": name, "valueFrom": source} for name, source in wanted.items()]
    assert await bench.environment(env=env, resources=resources) == {
        "CPU": "1", "MILLI": "250", "LIMIT": "4", "MEMORY": "101", "BYTES": str(100 << 20), "NAME": "web",
        "IP": "10.244.1.7", "APP": "web", "HOST": "127.16.0.2", "NODE": "n1",
    }  # fmt: skip


async def test_can_an_init_container_leave_variables_in_a_file(bench: Bench, tmp_path: Path) -> None:
    bench.volumes["v"] = tmp_path
    (tmp_path / "e").write_text("# left here\nKEY='a b'\nTWO='line\nline'\n")
    (tmp_path / "out").symlink_to("/etc/passwd")
    source = {"fileKeyRef": {"volumeName": "v", "path": "e", "key": "KEY"}}
    assert await bench.environment(env=[{"name": "K", "valueFrom": source}]) == {"K": "a b"}
    source["fileKeyRef"]["path"] = "out"
    with pytest.raises(SyncFailure, match="couldn't parse env file"):
        await bench.environment(env=[{"name": "K", "valueFrom": source}])
    with pytest.raises(ValueError, match="line 2"):
        env_file.parse("A='1'\nB=2\n")


async def test_what_does_etc_hosts_look_like(bench: Bench) -> None:
    pod = pod_of(subdomain="db", hostname="a", hostAliases=[{"ip": "1.2.3.4", "hostnames": ["x", "y.z"]}])
    mount = next(one for one in (await bench.configure(pod)).mounts if one.container_path == "/etc/hosts")
    assert Path(mount.host_path).read_text() == (
        "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
        "fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n"
        "10.244.1.7\ta.db.default.svc.cluster.local\ta\n\n# Entries added by HostAliases.\n1.2.3.4\tx\ty.z\n"
    )
    (bench.root / "etc").mkdir()
    (bench.root / "etc/hosts").write_text("127.0.0.1 localhost n1\n")
    mount = next(
        one for one in (await bench.configure(pod_of(hostNetwork=True))).mounts if one.container_path == "/etc/hosts"
    )
    assert Path(mount.host_path).read_text() == (
        "# Kubernetes-managed hosts file (host network).\n127.0.0.1 localhost n1\n"
    )


def test_whom_does_a_pod_ask_for_names(bench: Bench) -> None:
    (bench.root / "etc").mkdir()
    (bench.root / "etc/resolv.conf").write_text("nameserver 9.9.9.9\nsearch corp.example.\noptions edns0\n")
    cluster = bench.configurer.sandbox(pod_of(dnsPolicy="ClusterFirst"), 0)
    assert list(cluster.dns.servers) == ["10.96.0.10"]
    searches = ["default.svc.cluster.local", "svc.cluster.local", "cluster.local", "corp.example"]
    assert list(cluster.dns.searches) == searches
    assert list(cluster.dns.options) == ["ndots:5"]
    host = bench.configurer.sandbox(pod_of(dnsPolicy="ClusterFirst", hostNetwork=True), 0)
    assert (list(host.dns.servers), host.hostname) == (["9.9.9.9"], "n1")
    config = {"nameservers": ["1.1.1.1"], "searches": ["a.b"], "options": [{"name": "ndots", "value": "2"}]}
    none = bench.configurer.sandbox(pod_of(dnsPolicy="None", dnsConfig=config), 0)
    assert (list(none.dns.servers), list(none.dns.searches), list(none.dns.options)) == (
        ["1.1.1.1"], ["a.b"], ["ndots:2"],
    )  # fmt: skip
    many = {"nameservers": ["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4"]}
    bench.configurer.sandbox(pod_of(dnsPolicy="None", dnsConfig=many), 0)
    assert bench.recorder.events == [
        (
            "Warning",
            "DNSConfigForming",
            "Nameserver limits were exceeded, some nameservers have been omitted, "
            "the applied nameserver line is: 1.1.1.1 2.2.2.2 3.3.3.3",
        )
    ]


def test_what_is_a_sandbox_asked_for(bench: Bench) -> None:
    container = {"name": "c", "ports": [{"containerPort": 80, "hostPort": 8080, "protocol": "TCP"}]}
    made = bench.configurer.sandbox(pod_of(container, hostname="x" * 70, setHostnameAsFQDN=True), 2)
    assert made.port_mappings == (PortMapping(80, "TCP", 8080),)
    assert made.hostname == "x" * 63
    assert made.log_directory == f"{bench.root}/var/log/pods/default_web_u1"
    assert made.labels == {
        "app": "web", "io.kubernetes.pod.name": "web", "io.kubernetes.pod.namespace": "default",
        "io.kubernetes.pod.uid": "u1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("user", "security", "message"),
    [
        ("", {}, "container has runAsNonRoot and image will run as root"),
        ("www", {}, "container has runAsNonRoot and image has non-numeric user (www), cannot verify user is non-root"),
        ("101", {"runAsUser": 0}, "container's runAsUser breaks non-root policy"),
        ("101:101", {}, ""),
        ("", {"runAsUser": 7}, ""),
    ],
)
async def test_is_run_as_non_root_verified(bench: Bench, user: str, security: Object, message: str) -> None:
    pod = pod_of({"name": "c", "securityContext": security}, securityContext={"runAsNonRoot": True, "fsGroup": 5})
    if message:
        with pytest.raises(SyncFailure) as caught:
            await bench.configure(pod, user)
        assert caught.value.message == f'{message} (pod: "web_default(u1)", container: c)'
    else:
        made = (await bench.configure(pod, user)).security
        assert made.run_as_user == (security.get("runAsUser") or 101)
        assert list(made.supplemental_groups) == [5]


async def test_who_dies_first_when_memory_runs_out(bench: Bench) -> None:
    bench.objects.own_node = {"status": {"capacity": {"memory": "10Gi"}}}

    async def score(resources: Object, **spec: Any) -> int:
        made = await bench.configure(pod_of({"name": "c", "resources": resources}, **spec))
        return made.resources.oom_score_adj

    same = {"cpu": "1", "memory": "1Gi"}
    assert await score({}) == 1000
    assert await score({"requests": {"memory": "1Gi"}}) == 900
    assert await score({"requests": {"memory": "1Ki"}}) == 999
    assert await score({"requests": same, "limits": same}) == -997
    assert await score({}, priority=2_000_001_000) == -997


async def test_what_do_commands_labels_and_limits_become(bench: Bench) -> None:
    container = {
        "name": "c", "image": "nginx", "command": ["echo"], "args": ["$(A)", "$$(A)", "$(B)"], "tty": True,
        "env": [{"name": "A", "value": "1"}], "resources": {"limits": {"cpu": "500m", "memory": "1Mi"}},
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}, "stopSignal": "SIGUSR1"},
        "terminationMessagePath": "/dev/termination-log",
    }  # fmt: skip
    made = await bench.configure(pod_of(container))
    assert (list(made.command), list(made.args)) == (["echo"], ["1", "$(A)", "$(B)"])
    assert (made.resources.cpu_millis, made.resources.memory_bytes) == (500, 1 << 20)
    assert made.labels["io.kubernetes.container.name"] == "c"
    assert made.annotations["io.kubernetes.container.preStopHandler"] == '{"sleep":{"seconds":1}}'
    assert made.annotations["io.kubernetes.container.restartCount"] == "0"
    assert (made.log_path, made.stop_signal) == ("c/0.log", "SIGUSR1")
    log = next(mount for mount in made.mounts if mount.container_path == "/dev/termination-log")
    assert Path(log.host_path).is_relative_to(bench.root / "var/lib/kubelet/pods/u1/containers/c")


async def test_does_sub_path_stay_in_its_volume(bench: Bench, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    (volume / "a").mkdir(parents=True)
    (volume / "out").symlink_to("/etc")
    bench.volumes["v"] = volume

    async def mounted(**mount: Any) -> Path:
        container = {
            "name": "c",
            "env": [{"name": "WHO", "value": "me"}],
            "volumeMounts": [{"name": "v", "mountPath": "/x", **mount}],
        }
        return Path((await bench.configure(pod_of(container))).mounts[0].host_path)

    assert await mounted(subPath="a") == volume / "a"
    assert await mounted(subPathExpr="new/$(WHO)") == volume / "new/me"
    assert (volume / "new/me").is_dir()
    for path, message in (
        ("out", 'failed to prepare subPath for volumeMount "v" of container "c"'),
        ("../x", "unable to provision SubPath `../x`: must not contain '..'"),
        ("/x", "error SubPath `/x` must not be an absolute path"),
    ):
        with pytest.raises(SyncFailure) as caught:
            await mounted(subPath=path)
        assert caught.value.message == message
    with pytest.raises(SyncFailure, match='missing value for "NOBODY"'):
        await mounted(subPathExpr="$(NOBODY)")


def test_does_no_path_lead_out_of_the_node(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "link").symlink_to("/etc")
    (tmp_path / "up").symlink_to("../../../../etc")
    (tmp_path / "round").symlink_to("round")
    assert below(tmp_path, "/etc/kubernetes") == tmp_path / "etc/kubernetes"
    assert below(tmp_path, "/link/x") == below(tmp_path, "up/x") == tmp_path / "etc/x"
    assert below(tmp_path, "/../../..") == tmp_path
    with pytest.raises(OSError, match="too many levels"):
        below(tmp_path, "/round")


@given(st.text(alphabet="$()AB ", max_size=12))
def test_does_text_without_references_survive_expansion(text: str) -> None:
    """Nothing but `$$` and known names changes; doubling the dollars protects any text."""
    assert expand(text.replace("$", "$$"), {"A": "1"}) == text
