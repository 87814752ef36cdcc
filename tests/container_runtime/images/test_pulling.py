"""Pulling: what registries answer, what a node keeps, what it costs."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from minikube_edu.container_runtime.cri import Credentials, NotFound, RuntimeFailure
from minikube_edu.container_runtime.simulated.images.catalogue import Catalogue
from minikube_edu.container_runtime.simulated.images.image_store import ImageStore
from minikube_edu.container_runtime.simulated.images.reference import parse
from minikube_edu.container_runtime.simulated.images.registry import DENIED, Registry
from minikube_edu.container_runtime.simulated.images.user_images import BadImageFile, load


def refused(name: str, *credentials: Credentials, registry: Registry | None = None) -> RuntimeFailure:
    with pytest.raises(RuntimeFailure) as failure:
        (registry or Registry(Catalogue())).resolve(parse(name), credentials)
    return failure.value


def test_is_an_implausible_tag_not_found_in_containerds_words() -> None:
    failure = refused("nginx:1.161")
    full = "docker.io/library/nginx:1.161"
    assert isinstance(failure, NotFound)
    assert str(failure) == (
        f'rpc error: code = NotFound desc = failed to pull and unpack image "{full}": '
        f'failed to resolve reference "{full}": {full}: not found'
    )


@pytest.mark.parametrize("name", ["ngnix", "busyboxx:1.28", "redis123", "someone/nonexistent-image"])
def test_does_docker_hub_not_say_whether_a_name_is_missing_or_private(name: str) -> None:
    failure = refused(name)
    full = str(parse(name))
    assert failure.code == "Unknown"
    assert failure.message == (
        f'failed to pull and unpack image "{full}": failed to resolve reference "{full}": {DENIED}'
    )


def test_is_a_missing_name_of_another_registry_not_found() -> None:
    assert refused("gcr.io/some/nonexistent:v1").message.endswith("gcr.io/some/nonexistent:v1: not found")


def test_is_a_host_that_does_not_exist_looked_up_in_vain() -> None:
    assert "dial tcp: lookup registry.invalid: no such host" in refused("registry.invalid/app:v1").message


def test_do_unknown_names_run_unless_the_policy_says_otherwise() -> None:
    assert Registry(Catalogue()).resolve(parse("example.com/team/app:v1")).lenient
    strict = Registry(Catalogue(), "fail")
    assert refused("example.com/team/app:v1", registry=strict).code == "NotFound"
    assert DENIED in refused("team/app:v1", registry=strict).message


def test_does_a_private_registry_want_credentials() -> None:
    name = "registry.example.com/team/app:v1"
    assert "failed to fetch anonymous token" in refused(name).message
    assert refused(name).message.endswith("401 Unauthorized")
    assert Registry(Catalogue()).resolve(parse(name), [Credentials("bob", "secret")])


def test_are_the_right_credentials_those_that_a_users_file_names(tmp_path: Path) -> None:
    (tmp_path / "school.yaml").write_text(
        "registries:\n"
        "  - {host: school.example, path: 'public/*', open: true}\n"
        "  - {host: school.example, username: bob, password: secret}\n"
        "  - {path: 'gone/*', missing: true}\n"
        "images:\n"
        "  - {name: school.example/app, private: true, cmd: [sh]}\n"
    )
    catalogue = Catalogue()
    load(tmp_path, catalogue)
    registry = Registry(catalogue)
    assert registry.resolve(parse("school.example/public/app"))
    assert registry.resolve(parse("school.example/app"), [Credentials("bob", "secret")])
    wrong = refused("school.example/app", Credentials("bob", "guess"), registry=registry)
    assert "failed to fetch oauth token" in wrong.message
    assert DENIED in refused("gone/app", registry=registry).message


async def test_is_an_image_found_by_every_name_that_it_has() -> None:
    store = ImageStore(Registry(Catalogue()))
    stored = await store.pull("nginx:1.27")
    image = stored.image()
    assert image.tags == ("docker.io/library/nginx:1.27",)
    for name in ("nginx:1.27", image.id, image.id[7:19], image.digests[0], image.tags[0]):
        assert store.find(name) is stored
    assert store.find("nginx:1.26") is None
    assert store.find("???") is None
    again = await store.pull(f"nginx@{image.digests[0].partition('@')[2]}")
    assert again.definition.id == image.id or again.definition.digest == stored.definition.digest


async def test_do_tags_move_with_the_image_that_they_name() -> None:
    store = ImageStore(Registry(Catalogue()))
    await store.pull("nginx:1.29")
    stored = await store.pull("nginx:latest")
    assert stored.tags == ["docker.io/library/nginx:1.29", "docker.io/library/nginx:latest"]
    assert len(store.all()) == 1


async def test_do_shared_layers_count_once_and_go_with_their_last_image() -> None:
    store = ImageStore(Registry(Catalogue()))
    nginx, redis = await store.pull("nginx"), await store.pull("redis")
    shared = nginx.definition.layers[0].size
    assert store.used_bytes() == nginx.definition.size + redis.definition.size - shared
    store.remove("nginx")
    assert store.used_bytes() == redis.definition.size
    store.remove(redis.definition.id)
    store.remove("redis")
    assert (store.used_bytes(), store.layer_count, store.all()) == (0, 0, [])


async def test_do_names_survive_the_runtime(tmp_path: Path) -> None:
    store = ImageStore(Registry(Catalogue()), tmp_path / "state/images", ["registry.k8s.io/pause:3.10.1"])
    for name in ("nginx", "example.com/team/app:v1", "registry.k8s.io/pause:3.10.1"):
        await store.pull(name)
    later = ImageStore(Registry(Catalogue()), tmp_path / "state/images", ["registry.k8s.io/pause:3.10.1"])
    assert [stored.image() for stored in later.all()] == [stored.image() for stored in store.all()]
    assert [stored.pinned for stored in later.all()] == [False, False, True]


async def test_is_an_image_fetched_once_whoever_waits_for_it() -> None:
    store = ImageStore(Registry(Catalogue()))
    fetched: list[int] = []
    seen: list[dict[str, int]] = []

    async def download(size: int, name: str) -> None:
        fetched.append(size)
        seen.append(dict(store.pulling))
        await asyncio.sleep(0)

    both = await asyncio.gather(store.pull("nginx", (), download), store.pull("nginx", (), download))
    assert both[0] is both[1]
    assert sum(fetched) == 72_000_000
    assert seen[0] == {"docker.io/library/nginx:latest": 72_000_000}
    assert store.pulling == {}
    fetched.clear()
    await store.pull("redis", (), download)
    assert sum(fetched) == 45_000_000 - 28_000_000


async def test_does_whoever_waits_try_himself_when_the_first_pull_breaks_off() -> None:
    store = ImageStore(Registry(Catalogue()))
    tries = 0

    async def download(size: int, name: str) -> None:
        nonlocal tries
        tries += size == 0
        await asyncio.sleep(0)
        if tries == 1:
            raise RuntimeFailure("broken off")

    first, second = await asyncio.gather(
        store.pull("nginx", (), download), store.pull("nginx", (), download), return_exceptions=True
    )
    assert isinstance(first, RuntimeFailure)
    assert not isinstance(second, BaseException)


def test_does_a_bad_image_file_say_what_is_wrong_with_it(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: app\nentrypont: [x]\n")
    with pytest.raises(BadImageFile, match=r"bad\.yaml: .*unknown key 'entrypont'"):
        load(tmp_path, Catalogue())
