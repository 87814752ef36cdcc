"""A pod from its first sight to its end, on a scripted runtime."""

from __future__ import annotations

from typing import Any

import pytest

from minikube_edu.kubelet.contract import ProbeKind, SyncFailure
from tests.client.conftest import virtual_time
from tests.kubelet.doubles import manifest, node
from tests.kubelet.fake_runtime import FakeRuntime, Program

__all__ = ["virtual_time"]  # autouse: minutes pass at once


async def test_a_pod_gets_a_sandbox_and_its_containers_and_is_running() -> None:
    async with node() as here:
        pod = here.run(manifest("web", {"name": "a"}, {"name": "b"}))
        await here.until(lambda: here.status(pod).get("phase") == "Running")
        assert [call[0] for call in here.runtime.calls] == [
            "run_sandbox",
            "pull_image",
            "create_container",
            "start_container",
            "create_container",
            "start_container",
        ]
        status = here.container(pod, "a")
        assert status["ready"]
        assert status["started"]
        assert status["containerID"] == f"containerd://{here.runtime.find('a').id}"
        assert status["imageID"].startswith("nginx@sha256:")
        assert here.status(pod)["podIP"].startswith("10.244.")
        assert here.status(pod)["hostIP"] == "192.0.2.10"
        assert here.status(pod)["qosClass"] == "BestEffort"
        types = {one["type"]: one["status"] for one in here.status(pod)["conditions"]}
        assert types == {
            "PodReadyToStartContainers": "True",
            "Initialized": "True",
            "Ready": "True",
            "ContainersReady": "True",
            "PodScheduled": "True",
        }
        texts = [message for _, message, container in here.recorder.events if container == "b"]
        assert texts == [
            'Container image "nginx:1.27" already present on machine and can be accessed by the pod',
            "Container created",
            "Container started",
        ]
        assert here.recorder.message("Pulled").startswith('Successfully pulled image "nginx:1.27" in 0s (0s including')


async def test_an_idle_pod_costs_nothing() -> None:
    async with node() as here:
        pod = here.run(manifest())
        await here.until(lambda: here.status(pod).get("phase") == "Running")
        calls = len(here.runtime.calls)
        mounts = len(here.volumes.mounts)
        await here.quiet(3600)
        assert len(here.runtime.calls) == calls
        assert len(here.volumes.mounts) == mounts


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [("Never", 0, "Succeeded"), ("Never", 1, "Failed"), ("OnFailure", 0, "Succeeded")],
)
async def test_a_pod_whose_containers_have_ended_for_good(policy: str, code: int, phase: str) -> None:
    async with node() as here:
        here.runtime.programs["main"] = Program(seconds=2, exit_code=code)
        pod = here.run(manifest(restartPolicy=policy))
        await here.until(lambda: here.status(pod).get("phase") == phase)
        ended = here.container(pod, "main")["state"]["terminated"]
        assert ended["exitCode"] == code
        assert ended["reason"] == ("Error" if code else "Completed")
        condition = here.condition(pod, "Ready")
        assert condition["status"] == "False"
        assert condition["reason"] == ("PodFailed" if code else "PodCompleted")
        await here.until(lambda: here.verbs("stop_sandbox"))
        assert here.volumes.here == []


async def test_a_crash_loop_waits_10_s_doubled_and_says_so() -> None:
    async with node() as here:
        here.runtime.programs["main"] = Program(seconds=1, exit_code=3)
        pod = here.run(manifest())
        await here.until(lambda: here.waiting(pod, "main") == "CrashLoopBackOff")
        where = f"web_default({pod['metadata']['uid']})"
        message = here.container(pod, "main")["state"]["waiting"]["message"]
        assert message == f"back-off 10s restarting failed container=main pod={where}"
        assert here.container(pod, "main")["lastState"]["terminated"]["exitCode"] == 3
        assert here.container(pod, "main")["restartCount"] == 1  # the first restart came at once
        assert here.phase(pod) == "Running"
        assert here.condition(pod, "Ready")["message"] == "containers with unready status: [main]"
        told = f"Back-off restarting failed container main in pod {where}"
        assert ("BackOff", told, "main") in here.recorder.events
        await here.quiet(9)
        assert here.container(pod, "main")["restartCount"] == 1
        await here.until(lambda: here.container(pod, "main")["restartCount"] == 2, 3)
        await here.until(lambda: "back-off 20s" in str(here.container(pod, "main")["state"]), 5)
        await here.quiet(1200)
        assert "back-off 5m0s" in str(here.container(pod, "main"))


async def test_an_image_that_cannot_be_pulled_is_tried_again_and_again() -> None:
    from minikube_edu.container_runtime.cri import NotFound

    async with node() as here:
        words = 'failed to pull and unpack image "docker.io/library/nginx:9": not found'
        here.runtime.refuse_pull["nginx:9"] = NotFound(words)
        pod = here.run(manifest("web", {"name": "main", "image": "nginx:9"}))
        await here.until(lambda: here.waiting(pod, "main") == "ImagePullBackOff")
        assert here.container(pod, "main")["state"]["waiting"]["message"] == (
            f'Back-off pulling image "nginx:9": ErrImagePull: rpc error: code = NotFound desc = {words}'
        )
        assert here.phase(pod) == "Pending"
        assert ("Failed", "Error: ErrImagePull", "main") in here.recorder.events
        told = f'Failed to pull image "nginx:9": rpc error: code = NotFound desc = {words}'
        assert ("Failed", told, "main") in here.recorder.events
        here.runtime.refuse_pull.clear()
        await here.until(lambda: here.phase(pod) == "Running", 30)


async def test_pull_policies() -> None:
    async with node() as here:
        here.runtime.has_image("busybox:1")
        never = here.run(manifest("never", {"name": "a", "image": "other:1", "imagePullPolicy": "Never"}))
        await here.until(lambda: here.waiting(never, "a") == "ErrImageNeverPull")
        told = 'Container image "other:1" is not present with pull policy of Never'
        assert here.container(never, "a")["state"]["waiting"]["message"] == told
        always = here.run(manifest("always", {"name": "b", "image": "busybox:1", "imagePullPolicy": "Always"}))
        await here.until(lambda: here.status(always).get("phase") == "Running")
        assert ("pull_image", "busybox:1") in here.runtime.calls
        bad = here.run(manifest("bad", {"name": "c", "image": "Not:An:Image"}))
        await here.until(lambda: here.waiting(bad, "c") == "InvalidImageName")


async def test_a_configuration_that_is_missing_and_then_comes() -> None:
    async with node() as here:
        here.configurer.failures["main"] = SyncFailure("CreateContainerConfigError", 'configmap "settings" not found')
        pod = here.run(manifest())
        await here.until(lambda: here.waiting(pod, "main") == "CreateContainerConfigError")
        assert ("Failed", 'Error: configmap "settings" not found', "main") in here.recorder.events
        here.configurer.failures.clear()
        await here.until(lambda: here.phase(pod) == "Running")


async def test_a_volume_that_cannot_be_mounted_holds_the_pod_back() -> None:
    async with node() as here:
        here.volumes.failure = SyncFailure(
            "FailedMount", 'MountVolume.SetUp failed for volume "x" : secret "x" not found'
        )
        pod = here.run(manifest())
        await here.quiet(5)
        assert here.waiting(pod, "main") == "ContainerCreating"
        assert "FailedMount" in here.recorder.reasons()
        assert here.verbs("run_sandbox") == []
        here.volumes.failure = None
        await here.until(lambda: here.phase(pod) == "Running")


async def test_a_command_that_does_not_exist() -> None:
    async with node() as here:
        here.runtime.programs["main"] = Program(fails_to_start='exec: "nope": executable file not found in $PATH')
        pod = here.run(manifest())
        await here.until(lambda: here.waiting(pod, "main") == "CrashLoopBackOff")
        told = 'Error: failed to create containerd task: exec: "nope": executable file not found in $PATH'
        assert ("Failed", told, "main") in here.recorder.events
        assert here.container(pod, "main")["lastState"]["terminated"]["exitCode"] == 128
        assert here.container(pod, "main")["lastState"]["terminated"]["reason"] == "StartError"


async def test_init_containers_run_one_after_the_other_before_the_others() -> None:
    async with node() as here:
        here.runtime.programs["one"] = Program(seconds=2)
        here.runtime.programs["two"] = Program(seconds=2)
        init = [{"name": "one", "image": "i:1"}, {"name": "two", "image": "i:1"}]
        pod = here.run(manifest(initContainers=init))
        await here.until(lambda: here.container(pod, "one").get("started"))
        assert here.phase(pod) == "Pending"
        assert here.waiting(pod, "main") == "PodInitializing"
        condition = here.condition(pod, "Initialized")
        assert condition["reason"] == "ContainersNotInitialized"
        assert condition["message"] == "containers with incomplete status: [one two]"
        await here.until(lambda: here.phase(pod) == "Running")
        started = [name for verb, name in here.runtime.calls if verb == "start_container"]
        assert started == ["one", "two", "main"]
        assert here.container(pod, "two")["ready"]
        assert here.condition(pod, "Initialized")["status"] == "True"


async def test_a_failing_init_container_fails_a_pod_that_is_never_restarted() -> None:
    async with node() as here:
        here.runtime.programs["one"] = Program(seconds=1, exit_code=1)
        pod = here.run(manifest(initContainers=[{"name": "one", "image": "i:1"}], restartPolicy="Never"))
        await here.until(lambda: here.phase(pod) == "Failed")
        assert ("start_container", "main") not in here.runtime.calls


async def test_a_failing_init_container_is_tried_again() -> None:
    async with node() as here:
        here.runtime.programs["one"] = Program(seconds=1, exit_code=1)
        pod = here.run(manifest(initContainers=[{"name": "one", "image": "i:1"}]))
        await here.until(lambda: here.waiting(pod, "one") == "CrashLoopBackOff")
        assert here.phase(pod) == "Pending"
        here.runtime.programs["one"] = Program(seconds=1)
        await here.until(lambda: here.phase(pod) == "Running", 120)


async def test_sidecars_start_first_and_end_last_in_reverse_order() -> None:
    async with node() as here:
        init = [
            {"name": "proxy", "image": "p:1", "restartPolicy": "Always"},
            {"name": "setup", "image": "s:1"},
            {"name": "logs", "image": "l:1", "restartPolicy": "Always"},
        ]
        here.runtime.programs["setup"] = Program(seconds=1)
        here.probes.unstarted.add("proxy")
        pod = here.run(manifest(initContainers=init))
        await here.until(lambda: "running" in here.container(pod, "proxy").get("state", {}))
        await here.quiet(3)
        assert ("start_container", "setup") not in here.runtime.calls  # proxy has not started yet
        here.probes.unstarted.clear()
        uid = pod["metadata"]["uid"]
        here.probes.say(uid, "proxy", here.runtime.find("proxy").id, ProbeKind.STARTUP, True)
        await here.until(lambda: here.phase(pod) == "Running")
        started = [name for verb, name in here.runtime.calls if verb == "start_container"]
        assert started == ["proxy", "setup", "logs", "main"]
        here.delete(pod)
        await here.until(lambda: here.verbs("stop_sandbox"))
        assert [name for _, name in here.verbs("stop_container")] == ["main", "logs", "proxy"]


async def test_a_sidecar_that_ends_comes_back_and_does_not_keep_a_job_alive() -> None:
    async with node() as here:
        init = [{"name": "proxy", "image": "p:1", "restartPolicy": "Always"}]
        here.runtime.programs["main"] = Program(seconds=20)
        pod = here.run(manifest(initContainers=init, restartPolicy="Never"))
        await here.until(lambda: here.phase(pod) == "Running")
        here.runtime.exit("proxy", 1)
        await here.until(lambda: here.container(pod, "proxy")["restartCount"] == 1)
        await here.until(lambda: here.phase(pod) == "Succeeded")


async def test_deletion_stops_politely_runs_pre_stop_and_waits_for_no_longer_than_the_grace_period() -> None:
    async with node() as here:
        here.hooks.seconds = 3
        here.runtime.programs["main"] = Program(ignores_term=True)
        handler = {"exec": {"command": ["sleep", "3"]}}
        pod = here.run(manifest("web", {"name": "main", "lifecycle": {"preStop": handler}}))
        await here.until(lambda: here.phase(pod) == "Running")
        import asyncio

        began = asyncio.get_running_loop().time()
        here.delete(pod, 10)
        await here.until(lambda: here.verbs("stop_sandbox"))
        took = asyncio.get_running_loop().time() - began
        assert 9.5 < took < 11  # three of them in the hook
        assert here.hooks.run_for == [("main", handler)]
        assert ("Killing", "Stopping container main", "main") in here.recorder.events
        await here.until(lambda: here.phase(pod) == "Failed")  # 137


async def test_a_shorter_grace_period_hurries_a_deletion_that_is_under_way() -> None:
    import asyncio

    async with node() as here:
        here.runtime.programs["main"] = Program(ignores_term=True)
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        began = asyncio.get_running_loop().time()
        here.delete(pod, 300)
        await here.quiet(5)
        here.delete(pod, 1)
        await here.until(lambda: here.verbs("stop_sandbox"))
        assert asyncio.get_running_loop().time() - began < 10


async def test_a_pod_past_its_deadline_fails() -> None:
    async with node() as here:
        pod = here.run(manifest(activeDeadlineSeconds=30))
        await here.until(lambda: here.phase(pod) == "Running")
        await here.until(lambda: here.phase(pod) == "Failed")
        assert here.status(pod)["reason"] == "DeadlineExceeded"
        assert here.status(pod)["message"] == "Pod was active on the node longer than the specified deadline"


async def test_a_failed_liveness_probe_ends_the_container_which_comes_back() -> None:
    async with node() as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        first = here.runtime.find("main").id
        here.probes.say(pod["metadata"]["uid"], "main", first, ProbeKind.LIVENESS, False)
        await here.until(lambda: here.container(pod, "main")["restartCount"] == 1)
        told = "Container main failed liveness probe, will be restarted"
        assert ("Killing", told, "main") in here.recorder.events


async def test_readiness_and_readiness_gates() -> None:
    async with node() as here:
        here.probes.unready.add("main")
        pod = here.run(manifest(readinessGates=[{"conditionType": "example.com/ok"}]))
        await here.until(lambda: here.status(pod).get("phase") == "Running")
        assert here.condition(pod, "Ready")["reason"] == "ContainersNotReady"
        here.probes.unready.clear()
        here.probes.say(pod["metadata"]["uid"], "main", here.runtime.find("main").id, ProbeKind.READINESS, True)
        await here.until(lambda: here.condition(pod, "ContainersReady")["status"] == "True")
        assert here.condition(pod, "Ready")["reason"] == "ReadinessGatesNotReady"
        told = 'corresponding condition of pod readiness gate "example.com/ok" does not exist.'
        assert here.condition(pod, "Ready")["message"] == told
        gate = {"type": "example.com/ok", "status": "True"}
        here.run({**pod, "status": {**pod["status"], "conditions": [gate]}})
        await here.until(lambda: here.condition(pod, "Ready")["status"] == "True")
        assert gate in here.status(pod)["conditions"]


async def test_a_post_start_hook_that_fails_ends_its_container() -> None:
    async with node() as here:
        here.hooks.failure = SyncFailure("PostStartHookError", "Exec lifecycle hook failed")
        handler = {"exec": {"command": ["false"]}}
        pod = here.run(manifest("web", {"name": "main", "lifecycle": {"postStart": handler}}))
        await here.until(lambda: here.waiting(pod, "main") == "CrashLoopBackOff")
        assert ("FailedPostStartHook", "PostStartHook failed", "main") in here.recorder.events
        assert here.verbs("stop_container")[0] == ("stop_container", "main")


async def test_ephemeral_containers_join_and_are_never_restarted() -> None:
    async with node() as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        here.runtime.programs["debugger"] = Program(seconds=5)
        debugger = {"name": "debugger", "image": "busybox", "targetContainerName": "main"}
        here.run({**pod, "spec": {**pod["spec"], "ephemeralContainers": [debugger]}})
        await here.until(lambda: "running" in here.container(pod, "debugger").get("state", {}))
        assert here.runtime.find("debugger").config.target_container == here.runtime.find("main").id
        await here.until(lambda: "terminated" in here.container(pod, "debugger")["state"])
        await here.quiet(60)
        assert here.runtime.find("debugger").config.attempt == 0
        assert here.phase(pod) == "Running"


async def test_a_lost_sandbox_is_made_anew() -> None:
    async with node() as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        address = here.status(pod)["podIP"]
        here.runtime.kill_sandbox("web")
        await here.until(lambda: here.status(pod).get("podIP") not in (None, address))
        told = "Pod sandbox changed, it will be killed and re-created."
        assert ("SandboxChanged", told, "") in here.recorder.events
        assert here.container(pod, "main")["restartCount"] == 1


async def test_the_container_of_a_changed_image_is_replaced() -> None:
    async with node() as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        here.run({**pod, "spec": {**pod["spec"], "containers": [{"name": "main", "image": "nginx:2"}]}})
        await here.until(lambda: here.container(pod, "main")["image"] == "nginx:2")
        assert ("Killing", "Container main definition changed, will be restarted", "main") in here.recorder.events


async def test_a_new_kubelet_finds_its_pods_and_changes_nothing() -> None:
    runtime = FakeRuntime()
    async with node(runtime=runtime) as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
    calls = len(runtime.calls)
    async with node(runtime=runtime, synced=False) as here:
        here.run({**pod, "status": {"phase": "Running"}})
        here.kubelet.static_synced()
        await here.until(lambda: here.status(pod).get("phase") == "Running")
        assert here.container(pod, "main")["restartCount"] == 0
        await here.quiet(5)
    assert len(runtime.calls) == calls


async def test_pods_that_nobody_wants_any_more_are_ended_after_a_restart() -> None:
    runtime = FakeRuntime()
    async with node(runtime=runtime) as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
    async with node(runtime=runtime) as here:
        await here.until(lambda: not runtime.sandboxes)
        assert not runtime.containers


async def test_a_pod_that_is_gone_from_the_api_is_ended_and_cleared_away() -> None:
    async with node() as here:
        pod = here.run(manifest())
        await here.until(lambda: here.phase(pod) == "Running")
        here.kubelet.gone_from_api(pod)
        await here.until(lambda: not here.runtime.sandboxes)
        assert here.runtime.containers == {}


async def test_no_network_no_pod_but_those_of_the_host_network() -> None:
    runtime = FakeRuntime()
    runtime.network_ready = False
    async with node(runtime=runtime) as here:
        host = here.run(manifest("host", hostNetwork=True))
        pod = here.run(manifest("web"))
        await here.until(lambda: here.status(host).get("phase") == "Running")
        assert here.status(host)["podIP"] == "192.0.2.10"
        await here.quiet(3)
        assert here.phase(pod) == "Pending"
        assert here.recorder.message("NetworkNotReady") == (
            "network is not ready: container runtime network not ready: NetworkReady=false "
            "reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized"
        )
        runtime.network_ready = True
        await here.until(lambda: here.phase(pod) == "Running")


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        (
            {"containers": [{"name": "a", "image": "i:1", "resources": {"requests": {"cpu": "5"}}}]},
            "OutOfcpu",
            "Node didn't have enough resource: cpu, requested: 5000, used: 0, capacity: 4000",
        ),
        (
            {"nodeSelector": {"disk": "ssd"}},
            "NodeAffinity",
            "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        ),
    ],
)
async def test_a_pod_that_does_not_fit_is_refused(spec: dict[str, Any], reason: str, message: str) -> None:
    async with node() as here:
        pod = here.run(manifest(**spec))
        await here.until(lambda: here.status(pod).get("phase") == "Failed")
        assert here.status(pod)["reason"] == reason
        assert here.status(pod)["message"] == f"Pod was rejected: {message}"
        assert here.runtime.calls == []


async def test_an_in_place_resize_without_a_restart() -> None:
    async with node() as here:

        def of(cpu: str) -> dict[str, object]:
            return {
                "name": "main",
                "image": "nginx:1.27",
                "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}},
            }

        pod = here.run(manifest("web", of("1")))
        await here.until(lambda: here.phase(pod) == "Running")
        wanted = {**pod, "spec": {**pod["spec"], "containers": [of("2")]}}
        here.run(wanted)
        await here.until(lambda: here.container(pod, "main")["resources"]["limits"]["cpu"] == "2")
        assert here.container(pod, "main")["restartCount"] == 0
        assert here.container(pod, "main")["allocatedResources"] == {"cpu": "2"}
        await here.until(lambda: not here.condition(pod, "PodResizeInProgress"))
        told = (
            '{"containers":[{"name":"main","resources":{"limits":{"cpu":"2"},"requests":{"cpu":"2"}}}],"generation":1}'
        )
        assert here.recorder.message("ResizeStarted") == f"Pod resize started: {told}"
        assert here.recorder.message("ResizeCompleted") == f"Pod resize completed: {told}"
        here.run({**pod, "spec": {**pod["spec"], "containers": [of("9")]}})
        await here.until(lambda: here.condition(pod, "PodResizePending"))
        assert here.condition(pod, "PodResizePending")["reason"] == "Infeasible"
        assert here.condition(pod, "PodResizePending")["message"] == (
            "Node didn't have enough capacity: cpu, requested: 9000, capacity: 4000"
        )
