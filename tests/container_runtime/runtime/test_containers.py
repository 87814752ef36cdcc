"""Containers from create to remove: what runs, who it is, what it sees, how it ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import asdict

from minikube_edu.container_runtime.cri import (
    ContainerConfig,
    ContainerState,
    DnsConfig,
    EventType,
    Mount,
    NotFound,
    PortMapping,
    Resources,
    RuntimeFailure,
    SandboxState,
    SecurityContext,
)
from tests.container_runtime.node import Node, eventually

RUNC = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    "unable to start container process: error during container init: "
)


async def test_does_a_container_pass_through_its_states(node: Node) -> None:
    container = await node.create("busybox", "sh", "-c", "echo hello; exit 3")
    assert (await node.runtime.container_status(container)).state is ContainerState.CREATED
    await node.runtime.start_container(container)
    status = await node.ended(container)
    assert (status.exit_code, status.signal, status.reason) == (3, 0, "Error")
    assert status.created_at <= status.started_at <= status.finished_at
    assert node.log(status) == "hello\n"
    own = [event.type for event in node.events if event.container_id == container]
    assert own == [EventType.CREATED, EventType.STARTED, EventType.STOPPED]
    await node.runtime.remove_container(container)
    await node.runtime.remove_container(container)
    with pytest.raises(NotFound):
        await node.runtime.container_status(container)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["foo"], 'exec: "foo": executable file not found in $PATH'),
        (["/bin/foo"], 'exec: "/bin/foo": stat /bin/foo: no such file or directory'),
        (["/etc/passwd"], 'exec: "/etc/passwd": permission denied'),
    ],
)
async def test_is_a_command_that_cannot_start_refused_in_runcs_words(
    node: Node, command: list[str], words: str
) -> None:
    container = await node.create("busybox", *command)
    with pytest.raises(RuntimeFailure) as refused:
        await node.runtime.start_container(container)
    assert refused.value.message == RUNC + words
    status = await node.runtime.container_status(container)
    assert (status.state, status.exit_code, status.reason) == (ContainerState.EXITED, 128, "StartError")
    assert status.message == refused.value.message
    assert status.started_at == 0


@pytest.mark.parametrize(
    ("command", "args", "expected"),
    [
        ([], [], "/bin/sh"),
        ([], ["echo", "args"], "echo args"),
        (["echo"], [], "echo"),
        (["echo", "a"], ["b"], "echo a b"),
    ],
)
async def test_do_command_and_args_replace_entrypoint_and_cmd_as_containerd_does_it(
    node: Node, command: list[str], args: list[str], expected: str
) -> None:
    from minikube_edu.container_runtime.simulated.containers import SimulatedContainer
    from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime

    container = await node.create("alpine", *command, args=args)
    assert isinstance(node.runtime, SimulatedRuntime)
    made = node.runtime.containers[container]
    assert isinstance(made, SimulatedContainer)
    assert " ".join(made.invocation.argv) == expected


async def test_does_the_environment_come_from_runtime_image_and_pod(node: Node) -> None:
    status, log = await node.run("redis:7.2.4", "env", env={"REDIS_VERSION": "mine", "A": "b"})
    found = dict(line.split("=", 1) for line in log.splitlines())
    assert status.exit_code == 0
    assert found["REDIS_VERSION"] == "mine"
    assert found["A"] == "b"
    assert found["HOSTNAME"] == "pod-1"
    assert found["HOME"] == "/root"
    assert found["PATH"].startswith("/usr/local/sbin:")


async def test_is_the_working_directory_the_images_or_the_pods_and_made_when_missing(node: Node) -> None:
    assert (await node.run("redis", "pwd"))[1] == "/data\n"
    assert (await node.run("busybox", "pwd", working_dir="/new/place"))[1] == "/new/place\n"


@pytest.mark.parametrize(
    ("image", "security", "expected"),
    [
        ("busybox", SecurityContext(), "0:0"),
        ("busybox", SecurityContext(run_as_user=1000), "1000:0"),
        ("busybox", SecurityContext(run_as_user=1000, run_as_group=3000), "1000:3000"),
        ("curlimages/curl", SecurityContext(), "100:101"),
        ("memcached", SecurityContext(), "11211:11211"),
        ("nginxinc/nginx-unprivileged", SecurityContext(), "101:101"),
    ],
)
async def test_who_is_the_process(node: Node, image: str, security: SecurityContext, expected: str) -> None:
    status, log = await node.run(image, "sh", "-c", "echo $(id -u):$(id -g)", security=security)
    assert log == f"{expected}\n"
    assert status.user == int(expected.partition(":")[0])


async def test_are_supplemental_groups_added(node: Node) -> None:
    security = SecurityContext(run_as_user=1000, run_as_group=2000, supplemental_groups=(4000, 5000))
    assert (await node.run("busybox", "id", "-G", security=security))[1] == "2000 4000 5000\n"


async def test_is_an_unknown_user_name_refused_at_creation(node: Node) -> None:
    with pytest.raises(RuntimeFailure, match="no users found"):
        await node.create("busybox", "id", security=SecurityContext(run_as_username="nobody-here"))


async def test_what_does_the_sandbox_write_into_its_containers(node: Node) -> None:
    dns = DnsConfig(("10.96.0.10",), ("default.svc.cluster.local", "svc.cluster.local"), ("ndots:5",))
    sandbox = await node.sandbox("web-0", hostname="web-0", dns=dns)
    _, log = await node.run("busybox", "cat", "/etc/hostname", "/etc/resolv.conf", sandbox=sandbox)
    assert log == (
        "web-0\nsearch default.svc.cluster.local svc.cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
    )


async def test_are_mounts_the_nodes_own_directories(node: Node, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "in").write_text("from the node\n")
    message = tmp_path / "message"
    message.touch()
    mounts = [Mount("/data", str(volume)), Mount("/dev/termination-log", str(message))]
    status, log = await node.run(
        "busybox", "sh", "-c", "cat /data/in; echo out > /data/out; echo why > /dev/termination-log", mounts=mounts
    )
    assert (status.exit_code, log) == (0, "from the node\n")
    assert (volume / "out").read_text() == "out\n"
    assert message.read_text() == "why\n"


async def test_can_nothing_be_written_to_read_only_places(node: Node, tmp_path: Path) -> None:
    status, log = await node.run(
        "busybox",
        "sh",
        "-c",
        "touch /a; touch /data/b; touch /dev/shm/c && echo fine",
        mounts=[Mount("/data", str(tmp_path), readonly=True)],
        security=SecurityContext(readonly_rootfs=True),
    )
    assert log.count("Read-only file system") == 2
    assert log.endswith("fine\n")
    assert status.exit_code == 0


async def test_is_an_images_volume_writable_on_a_read_only_root(node: Node) -> None:
    status, log = await node.run(
        "redis", "sh", "-c", "touch /data/a && ls -ld /data; touch /b", security=SecurityContext(readonly_rootfs=True)
    )
    assert "redis redis" in log
    assert "Read-only file system" in log
    assert status.exit_code == 1


async def test_do_containers_of_a_pod_share_network_and_shared_memory(node: Node) -> None:
    sandbox = await node.sandbox()
    await node.start("nginx", sandbox=sandbox, name="web")
    other = await node.start("busybox", "sleep", "100", sandbox=sandbox, name="other")
    assert "Welcome to nginx!" in await node.sh(other, "sleep 0.1; wget -qO- http://localhost")
    await node.sh(other, "echo shared > /dev/shm/file")
    third = await node.start("busybox", "sleep", "100", sandbox=sandbox, name="third")
    assert await node.sh(third, "cat /dev/shm/file") == "shared\n"


async def test_who_is_process_one_with_a_shared_process_namespace(node: Node) -> None:
    sandbox = await node.sandbox(share_process_namespace=True)
    await node.start("busybox", "sleep", "1234", sandbox=sandbox, name="a")
    container = await node.start("busybox", "sleep", "99", sandbox=sandbox, name="b")
    seen = await node.sh(container, "ps")
    assert "/pause" in seen
    assert "sleep 1234" in seen
    alone = await node.start("busybox", "sleep", "77")
    assert "/pause" not in await node.sh(alone, "ps")


async def test_does_an_ephemeral_container_see_its_targets_processes(node: Node) -> None:
    sandbox = await node.sandbox()
    target = await node.start("busybox", "sleep", "4321", sandbox=sandbox, name="app")
    debugger = await node.start("busybox", "sleep", "5", sandbox=sandbox, name="debugger", target_container=target)
    assert "sleep 4321" in await node.sh(debugger, "ps")


async def test_is_a_container_beyond_its_memory_killed(node: Node) -> None:
    status, _ = await node.run(
        "polinux/stress",
        "stress",
        *["--vm", "1", "--vm-bytes", "250M", "--vm-hang", "1"],
        resources=Resources(memory_bytes=100 << 20),
    )
    assert (status.reason, status.exit_code) == ("OOMKilled", 137)


async def test_is_a_program_that_listens_to_sigterm_done_at_once_and_another_killed(node: Node) -> None:
    listens = await node.start("busybox", "sh", "-c", "trap 'echo bye; exit 0' TERM; while true; do sleep 0.05; done")
    deaf = await node.start("busybox", "sleep", "1000")
    await asyncio.sleep(0.05)
    await node.runtime.stop_container(listens, 5)
    status = await node.runtime.container_status(listens)
    assert (status.exit_code, status.reason, node.log(status)) == (0, "Completed", "bye\n")
    await node.runtime.stop_container(deaf, 0.1)
    status = await node.runtime.container_status(deaf)
    assert (status.exit_code, status.signal) == (137, 9)
    await node.runtime.stop_container(deaf, 0.1)


async def test_does_the_pods_stop_signal_win(node: Node) -> None:
    script = "trap 'exit 42' USR1; trap 'exit 1' TERM; while true; do sleep 0.05; done"
    container = await node.start("busybox", "sh", "-c", script, stop_signal="SIGUSR1")
    await asyncio.sleep(0.05)
    await node.runtime.stop_container(container, 5)
    assert (await node.runtime.container_status(container)).exit_code == 42


async def test_are_resources_changed_while_it_runs(node: Node) -> None:
    container = await node.start("busybox", "sleep", "100", resources=Resources(memory_bytes=1 << 30, cpu_millis=500))
    await node.runtime.update_container_resources(container, Resources(memory_bytes=2 << 30, cpu_millis=1000))
    assert (await node.runtime.container_status(container)).config.resources.memory_bytes == 2 << 30
    assert (await node.runtime.container_stats(container)).memory_limit == 2 << 30


async def test_is_the_use_of_processor_and_files_measured(node: Node) -> None:
    container = await node.start("busybox", "sh", "-c", "dd if=/dev/zero of=/big bs=1000000 count=3; sleep 100")
    await asyncio.sleep(0.1)
    stats = await node.runtime.container_stats(container)
    assert stats.filesystem_used >= 3_000_000
    assert stats.cpu_nanoseconds > 0
    assert stats.memory_working_set > 0
    (sandbox,) = await node.runtime.list_sandbox_stats()
    assert sandbox.containers[0].id == container
    assert sandbox.processes >= 2


async def test_does_stopping_a_sandbox_end_everything_in_it_and_give_its_address_back(node: Node) -> None:
    sandbox = await node.sandbox()
    container = await node.start("nginx", sandbox=sandbox)
    assert (await node.runtime.sandbox_status(sandbox)).ips == ("10.244.1.2",)
    await node.runtime.stop_sandbox(sandbox)
    await node.runtime.stop_sandbox(sandbox)
    assert (await node.runtime.sandbox_status(sandbox)).state is SandboxState.NOT_READY
    assert (await node.runtime.container_status(container)).state is ContainerState.EXITED
    with pytest.raises(RuntimeFailure, match="is not running"):
        await node.create("busybox", sandbox=sandbox, name="late")
    await node.runtime.remove_sandbox(sandbox)
    await node.runtime.remove_sandbox(sandbox)
    assert await node.runtime.list_sandboxes() == []
    assert await node.runtime.list_containers() == []
    assert not list((node.root / "var/lib/cni/networks/cbr0").glob("10.*"))


async def test_is_a_name_reserved_until_its_holder_is_removed(node: Node) -> None:
    sandbox = await node.sandbox("web")
    with pytest.raises(RuntimeFailure, match='failed to reserve sandbox name "web_default_uid-web_0"'):
        await node.sandbox("web")
    await node.create("busybox", sandbox=sandbox)
    with pytest.raises(RuntimeFailure, match="failed to reserve container name"):
        await node.create("busybox", sandbox=sandbox)
    await node.runtime.remove_sandbox(sandbox)
    await node.sandbox("web")


async def test_are_lists_filtered_by_label_and_sandbox(node: Node) -> None:
    one = await node.sandbox(labels={"app": "one"})
    two = await node.sandbox(labels={"app": "two"})
    container = await node.create("busybox", sandbox=two, labels={"tier": "x"})
    assert [found.id for found in await node.runtime.list_sandboxes({"app": "one"})] == [one]
    assert [found.id for found in await node.runtime.list_containers(two)] == [container]
    assert await node.runtime.list_containers(one) == []
    assert await node.runtime.list_containers(labels={"tier": "y"}) == []


async def test_may_a_container_start_only_once(node: Node) -> None:
    container = await node.start("busybox", "sleep", "10")
    with pytest.raises(RuntimeFailure, match="is in CONTAINER_RUNNING state"):
        await node.runtime.start_container(container)


async def test_is_an_image_that_is_not_here_missed(node: Node) -> None:
    sandbox = await node.sandbox()
    with pytest.raises(NotFound):
        await node.runtime.create_container(sandbox, ContainerConfig(name="a", image="nginx"))


async def test_does_an_image_that_nobody_knows_run_whatever_the_pod_says_and_serve_its_ports(node: Node) -> None:
    ports = '[{"containerPort": 8080, "protocol": "TCP"}]'
    container = await node.start(
        "example.com/team/app:v1", "/srv/app", "--flag", annotations={"io.kubernetes.container.ports": ports}
    )
    answer = await eventually(
        lambda: node.sh(container, "curl -s -o /dev/null -w '%{http_code}' http://localhost:8080")
    )
    assert answer == "200"
    assert (await node.runtime.container_status(container)).state is ContainerState.RUNNING


async def test_does_a_host_port_lead_from_the_node_to_the_pod(node: Node) -> None:
    ports = [PortMapping(80, host_port=8088)]
    sandbox = await node.sandbox(port_mappings=ports)
    await node.start("nginx", sandbox=sandbox)
    tools = await node.start("busybox", "sleep", "100", sandbox=await node.sandbox())

    async def answer() -> bool:
        return "Welcome to nginx!" in await node.sh(tools, "wget -T 2 -qO- http://127.16.0.9:8088")

    assert await eventually(answer)
    with pytest.raises(RuntimeFailure, match=r'plugin type="portmap" failed \(add\)'):
        await node.sandbox(port_mappings=ports)
    await node.runtime.remove_sandbox(sandbox)
    await node.sandbox(port_mappings=ports)


async def test_is_everything_freed_with_a_removed_container(node: Node) -> None:
    import gc
    import weakref

    from minikube_edu.container_runtime.simulated.containers import SimulatedContainer
    from minikube_edu.container_runtime.simulated.runtime import SimulatedRuntime

    assert isinstance(node.runtime, SimulatedRuntime)
    sandbox = await node.sandbox()
    container = await node.start("nginx", sandbox=sandbox)
    await asyncio.sleep(0.05)
    made = node.runtime.containers[container]
    assert isinstance(made, SimulatedContainer)
    machine = weakref.ref(made.machine)
    del made
    await node.runtime.remove_sandbox(sandbox)
    await asyncio.sleep(0.01)
    gc.collect()
    assert machine() is None
    assert not node.runtime.names
    assert asdict(await node.runtime.image_filesystem())["used_bytes"] == 72_000_000
