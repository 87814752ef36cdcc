"""What happens to pods at the edges: interruptions, restarts at a bad moment, rules of single containers."""

from __future__ import annotations

import asyncio
import base64
import functools
import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from minikube_edu.container_runtime.cri import Credentials, Mount
from minikube_edu.kubelet import pod_facts
from tests.client.conftest import virtual_time
from tests.kubelet.doubles import Here, Object, manifest, node
from tests.kubelet.fake_runtime import FakeRuntime, Program

__all__ = ["virtual_time"]


def is_now(here: Here, pod: Object, phase: str) -> bool:
    return here.phase(pod) == phase


async def test_a_deletion_interrupts_a_pull() -> None:
    async with node() as here:
        here.runtime.pull_seconds = 500
        pod = here.run(manifest())
        await here.until(lambda: here.verbs("pull_image"))
        here.delete(pod)
        await here.until(lambda: here.verbs("stop_sandbox"), 5)
        assert here.verbs("create_container") == []
        await here.until(lambda: here.condition(pod, "Ready")["status"] == "False")


async def test_a_deletion_during_a_back_off_is_immediate() -> None:
    async with node() as here:
        here.runtime.programs["main"] = Program(seconds=0.1, exit_code=1)
        pod = here.run(manifest())
        await here.until(lambda: here.waiting(pod, "main") == "CrashLoopBackOff")
        here.delete(pod)
        await here.until(lambda: here.verbs("stop_sandbox"), 2)
        await here.quiet(60)
        assert len(here.verbs("start_container")) == 2
        assert here.phase(pod) == "Failed"


async def test_a_kubelet_that_starts_in_the_middle_of_a_termination_ends_it() -> None:
    runtime = FakeRuntime()
    runtime.programs["main"] = Program(ignores_term=True)
    async with node(runtime=runtime) as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        deleted = here.delete(pod, 100)
        await here.quiet(5)
    async with node(runtime=runtime, synced=False) as here:
        here.run(deleted)
        here.kubelet.static_synced()
        await here.until(lambda: here.verbs("stop_sandbox"), 120)
        assert here.phase(pod) == "Failed"
        assert here.container(pod, "main")["state"]["terminated"]["exitCode"] == 137


async def test_a_pod_that_has_ended_is_not_started_again_by_the_next_kubelet() -> None:
    runtime = FakeRuntime()
    runtime.programs["main"] = Program(seconds=1)
    async with node(runtime=runtime) as here:
        pod = here.run(manifest(restartPolicy="Never"))
        await here.until(lambda: here.phase(pod) == "Succeeded")
        status = here.status(pod)
        await here.until(lambda: here.verbs("stop_sandbox"))
    calls = len(runtime.calls)
    async with node(runtime=runtime, synced=False) as here:
        here.run({**pod, "status": status})
        here.kubelet.static_synced()
        await here.quiet(30)
        assert not [call for call in runtime.calls[calls:] if call[0] in ("run_sandbox", "start_container")]


async def test_restart_counts_go_on_when_the_runtime_has_forgotten_the_containers() -> None:
    async with node() as here:
        pod = manifest()
        ran = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        before: Object = {
            "name": "main", "containerID": "containerd://x", "restartCount": 4, "state": ran, "lastState": {},
        }  # fmt: skip
        pod["status"] = {"phase": "Running", "containerStatuses": [before]}
        here.run(pod)
        await here.until(lambda: "running" in here.container(pod, "main").get("state", {}))
        assert here.container(pod, "main")["restartCount"] == 5


async def test_restart_counts_of_a_static_pod_go_on_when_the_runtime_has_lost_everything() -> None:
    async with node() as here:
        here.runtime.programs["main"] = Program(seconds=1, exit_code=1)
        pod = manifest()
        pod["metadata"]["annotations"] = {pod_facts.SOURCE: "file", pod_facts.HASH: pod["metadata"]["uid"]}
        here.kubelet.set_static("file", [pod])
        await here.until(lambda: here.waiting(pod, "main") == "CrashLoopBackOff")
        assert here.container(pod, "main")["restartCount"] == 1
        here.runtime.containers.clear()
        here.runtime.sandboxes.clear()
        await here.kubelet.view.relist()
        await here.until(lambda: here.container(pod, "main")["restartCount"] == 2)


async def test_rules_of_a_single_container_win_over_the_pods_policy() -> None:
    async with node() as here:
        rules = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
        picky = {"name": "main", "restartPolicy": "Never", "restartPolicyRules": rules}
        here.runtime.programs["main"] = Program(seconds=1, exit_code=42)
        pod = here.run(manifest("web", picky, restartPolicy="Never"))
        await here.until(lambda: here.container(pod, "main").get("restartCount") == 1)
        here.runtime.programs["main"] = Program(seconds=1, exit_code=1)
        await here.until(lambda: here.phase(pod) == "Failed", 120)


async def test_the_last_words_of_a_container(tmp_path: Path) -> None:
    def ended(here: Here, policy: str, said: str, logged: str) -> None:
        run = here.runtime.find("main")
        words = tmp_path / "words"
        words.write_text(said)
        log = tmp_path / "0.log"
        log.write_text("".join(f"2026-01-01T00:00:00Z stderr F {line}\n" for line in logged.splitlines()))
        notes = {**run.config.annotations, pod_facts.TERMINATION_POLICY: policy}
        notes[pod_facts.TERMINATION_PATH] = "/dev/termination-log"
        config = replace(run.config, annotations=notes, mounts=(Mount("/dev/termination-log", str(words)),))
        here.runtime.containers[run.id] = replace(run, config=config, log_path=str(log))
        here.runtime.exit("main", 1)

    for policy, said, logged, expected in (
        ("File", "out of luck", "panic", "out of luck"),
        ("File", "", "panic", None),
        ("FallbackToLogsOnError", "", "line 1\npanic", "line 1\npanic\n"),
    ):
        async with node() as here:
            pod = here.run(manifest(restartPolicy="Never"))
            await here.until(functools.partial(is_now, here, pod, "Running"))
            ended(here, policy, said, logged)
            await here.until(functools.partial(is_now, here, pod, "Failed"))
            assert here.container(pod, "main")["state"]["terminated"].get("message") == expected


async def test_out_of_memory_is_told() -> None:
    async with node() as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        here.runtime.exit("main", 137, "OOMKilled")
        await here.until(lambda: here.container(pod, "main")["lastState"])
        assert here.container(pod, "main")["lastState"]["terminated"]["reason"] == "OOMKilled"


async def test_pull_secrets_reach_the_runtime() -> None:
    async with node() as here:
        auth = base64.b64encode(b"jo:secret").decode()
        document = json.dumps({"auths": {"registry.example": {"auth": auth}}}).encode()
        here.objects.secrets["key"] = {"data": {".dockerconfigjson": base64.b64encode(document).decode()}}
        seen: list[Any] = []
        pull = here.runtime.pull_image

        async def pull_image(image: str, credentials: Any = ()) -> str:
            seen.extend(credentials)
            return await pull(image)

        here.runtime.pull_image = pull_image  # type: ignore[method-assign]  # listens in
        here.run(manifest(imagePullSecrets=[{"name": "key"}, {"name": "missing"}]))
        await here.until(lambda: seen)
        assert seen == [Credentials("jo", "secret", "registry.example")]
        assert "missing" in here.recorder.message("FailedToRetrieveImagePullSecret")


async def test_a_resize_waits_for_room_and_gets_it() -> None:
    def of(cpu: str) -> list[Object]:
        return [{"name": "main", "image": "nginx:1.27", "resources": {"requests": {"cpu": cpu}}}]

    async with node() as here:
        first = here.run(manifest("first", containers=of("2")))
        other = here.run(manifest("other", containers=of("1500m")))
        await here.until(lambda: here.phase(first) == here.phase(other) == "Running")
        here.run({**first, "spec": {**first["spec"], "containers": of("3")}})
        await here.until(lambda: here.condition(first, "PodResizePending"))
        assert here.condition(first, "PodResizePending")["reason"] == "Deferred"
        assert here.condition(first, "PodResizePending")["message"] == (
            "Node didn't have enough resource: cpu, requested: 3000, used: 1500, capacity: 4000"
        )
        assert here.container(first, "main")["allocatedResources"] == {"cpu": "2"}
        here.delete(other)
        await here.until(lambda: here.container(first, "main")["allocatedResources"] == {"cpu": "3"})
        await here.until(lambda: not here.condition(first, "PodResizePending"))


async def test_a_resize_that_wants_a_restart_gets_one() -> None:
    def of(memory: str) -> list[Object]:
        policy = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
        resources = {"limits": {"memory": memory}}
        return [{"name": "main", "image": "nginx:1.27", "resizePolicy": policy, "resources": resources}]

    async with node() as here:
        pod = here.run(manifest(containers=of("100Mi")))
        await here.until(lambda: here.phase(pod) == "Running")
        here.run({**pod, "spec": {**pod["spec"], "containers": of("200Mi")}})
        await here.until(lambda: here.container(pod, "main")["restartCount"] == 1)
        assert here.container(pod, "main")["resources"]["limits"] == {"memory": "200Mi"}
        assert ("Killing", "Container main resize requires restart", "main") in here.recorder.events
        await here.until(lambda: "ResizeCompleted" in here.recorder.reasons())
        assert here.recorder.reasons().index("ResizeCompleted") > here.recorder.reasons().index("Killing") + 2


async def test_a_critical_pod_makes_room_for_itself() -> None:
    def of(cpu: str) -> list[Object]:
        return [{"name": "main", "image": "nginx:1.27", "resources": {"requests": {"cpu": cpu}}}]

    async with node() as here:
        small = here.run(manifest("small", containers=of("1")))
        large = here.run(manifest("large", containers=of("3")))
        await here.until(lambda: here.phase(small) == here.phase(large) == "Running")
        critical = here.run(manifest("critical", containers=of("1"), priority=2_000_001_000))
        await here.until(lambda: here.phase(critical) == "Running")
        assert here.phase(large) == "Running"
        assert here.phase(small) == "Failed"
        assert here.status(small)["reason"] == "Preempting"
        assert here.status(small)["message"] == "Preempted in order to admit critical pod"


async def test_dead_containers_are_kept_for_their_logs_but_not_all_of_them() -> None:
    async with node() as here:
        here.runtime.programs["main"] = Program(seconds=0.1, exit_code=1)
        pod = here.run(manifest())
        await here.until(lambda: here.container(pod, "main").get("restartCount") == 5, 1000)
        await here.kubelet.remains.sweep()
        await asyncio.sleep(1)
        view = here.kubelet.view.peek(pod["metadata"]["uid"])
        assert sorted(one.config.attempt for one in view.containers) == [4, 5]
        log = here.kubelet.find_log("default", "web", "main", previous=True)
        assert log is not None
        assert log.name == "4.log"


async def test_containers_are_found_by_name_for_exec() -> None:
    async with node() as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        run = here.runtime.find("main")
        assert here.kubelet.find_container("default", "web", "", "main") == (run.sandbox_id, run.id)
        assert here.kubelet.find_container("default", "web", pod["metadata"]["uid"], "main") is not None
        assert here.kubelet.find_container("default", "web", "other", "main") is None
        assert here.kubelet.find_container("default", "web", "", "nope") is None
