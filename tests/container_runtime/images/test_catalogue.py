"""The catalogue as data: compiled, complete, and every image of it usable."""

from __future__ import annotations

import re

import pytest

from minikube_edu.container_runtime.simulated.images import compiling
from minikube_edu.container_runtime.simulated.images.catalogue import Catalogue, compiled
from minikube_edu.container_runtime.simulated.images.entry import Definition
from minikube_edu.container_runtime.simulated.images.reference import parse
from minikube_edu.container_runtime.simulated.images.root import build


def defined(name: str) -> Definition:
    catalogue, reference = Catalogue(), parse(name)
    entry = catalogue.entry(reference)
    assert entry is not None, name
    return catalogue.define(entry, reference)


def test_is_the_compiled_catalogue_that_of_the_sources() -> None:
    assert (compiling.HERE / "catalogue.json").read_bytes() == compiling.build(), "run the module `compiling`"


@pytest.mark.parametrize("name", Catalogue().names())
def test_is_every_image_whole(name: str) -> None:
    made = defined(name)
    assert made.entrypoint or made.cmd or made.seat
    assert made.size > 0
    assert re.fullmatch("sha256:[0-9a-f]{64}", made.id)
    for program in made.programs.values():
        assert re.fullmatch(r"[a-z_.]+:[a-z_]+", program)
    for port in made.ports:
        assert re.fullmatch(r"\d+/(tcp|udp)", port)


@pytest.mark.parametrize("number", range(len(compiled()["entries"])))
def test_can_every_images_first_command_be_found_in_its_files(number: int) -> None:
    made = defined(compiled()["entries"][number]["names"][0])
    if made.seat:
        return
    first = (*made.entrypoint, *made.cmd)[0]
    paths = {*made.programs, *made.files}
    paths |= {f"{directory}/{name}" for directory, names in made.commands.items() for name in names}
    folders = made.env["PATH"].split(":")
    wanted = [first] if first.startswith("/") else [f"{folder}/{first}" for folder in folders]
    wanted += [path.replace("/bin/", "/usr/bin/", 1) for path in wanted if made.merged]
    if first.startswith("./"):
        wanted = [f"{made.workdir.rstrip('/')}/{first[2:]}"]
    assert paths & set(wanted), first
    build(made)


def test_does_the_tag_choose_base_and_version() -> None:
    assert defined("nginx:1.27-alpine").base == "alpine"
    assert defined("nginx:1.27").env["NGINX_VERSION"] == "1.27.0"
    assert defined("nginx:1.27.3").env["NGINX_VERSION"] == "1.27.3"
    assert "bookworm" in str(defined("debian:bookworm-slim").files["/etc/os-release"])
    assert "Ubuntu 22.04" in str(defined("ubuntu:22.04").files["/etc/os-release"])
    assert "v3.19" in str(defined("alpine:3.19.1").files["/etc/os-release"])
    assert defined("php:8.2-apache").cmd == ("apache2-foreground",)


def test_are_ids_the_same_each_time_and_latest_the_newest_version() -> None:
    assert defined("nginx").id == defined("nginx:latest").id == defined("nginx:1.29").id
    assert defined("nginx:1.27").id != defined("nginx:1.26").id
    assert defined("nginx:1.27").digest == defined("nginx:1.27").digest


def test_do_images_share_the_layer_of_their_base() -> None:
    assert defined("nginx").layers[0] == defined("redis").layers[0]
    assert defined("nginx").layers[1] != defined("redis").layers[1]


@pytest.mark.parametrize("seat", ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"])
def test_does_a_control_plane_image_name_its_package(seat: str) -> None:
    tag = "3.6.6-0" if seat == "etcd" else "v1.36.3"
    assert defined(f"registry.k8s.io/{seat}:{tag}").seat == f"minikube_edu.{seat.replace('-', '_')}"
