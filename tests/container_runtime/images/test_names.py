"""What a name means, and which tags are plausible."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.container_runtime.cri import RuntimeFailure
from minikube_edu.container_runtime.simulated.images.catalogue import Catalogue
from minikube_edu.container_runtime.simulated.images.reference import parse
from minikube_edu.container_runtime.simulated.images.tag_rules import from_data


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("org/app", "docker.io/org/app:latest"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app:v1", "localhost:5000/app:v1"),
        ("index.docker.io/nginx", "docker.io/library/nginx:latest"),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
        (f"nginx@sha256:{'a' * 64}", f"docker.io/library/nginx@sha256:{'a' * 64}"),
        (f"nginx:1.27@sha256:{'a' * 64}", f"docker.io/library/nginx:1.27@sha256:{'a' * 64}"),
    ],
)
def test_what_is_a_short_name_short_for(short: str, full: str) -> None:
    assert str(parse(short)) == full
    assert str(parse(full)) == full


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Nginx", "repository name (library/Nginx) must be lowercase"),
        ("nginx:", "invalid reference format"),
        ("nginx:a b", "invalid reference format"),
        ("ng inx", "invalid reference format"),
        ("nginx@sha256:12", "invalid reference format"),
        ("a//b", "invalid reference format"),
        ("", "invalid reference format"),
    ],
)
def test_is_a_name_that_is_none_refused(name: str, words: str) -> None:
    with pytest.raises(RuntimeFailure) as refused:
        parse(name)
    assert words in refused.value.message


@given(st.text(max_size=80))
def test_does_every_text_parse_or_is_refused(text: str) -> None:
    try:
        reference = parse(text)
    except RuntimeFailure:
        return
    assert parse(str(reference)) == reference


PLAUSIBLE = """
nginx nginx:latest nginx:1.7.9 nginx:1.14.2 nginx:1.16.1 nginx:1.27 nginx:1 nginx:alpine nginx:1.27-alpine
nginx:stable nginx:1.27-alpine3.20-slim nginx:mainline-alpine nginx:1.25-bookworm nginx:stable-perl busybox:1.28
busybox:1.36.1 busybox:musl busybox:stable alpine:3.22 alpine:3 alpine:edge ubuntu:22.04 ubuntu:jammy
debian:bookworm-slim debian:12 redis:7 redis:7-alpine redis:5.0.4 redis:6.2.6-alpine3.15 mysql:5.6 mysql:8.0 mysql:8
mysql:5.7.44 mariadb:10.6 postgres:16 postgres:16-alpine postgres:15.3 mongo:4.4 mongo:7.0 httpd:2.4 httpd:2.4-alpine
httpd:alpine python:3.12-slim python:3.9-alpine python:3 node:22-alpine node:lts node:18.17.0-slim perl:5.34.0 perl
golang:1.22-alpine ruby:3.3-slim php:8.2-apache php:apache php:8.3-fpm-alpine openjdk:17-jdk-slim
eclipse-temurin:21-jre bash:5 bash:5.2 wordpress:6.2.1-apache wordpress:4.8-apache cassandra:4.1 zookeeper:3.9
rabbitmq:3-management rabbitmq:4.0-management-alpine memcached:1.6-alpine centos:7 fedora:40 amazonlinux:2
rockylinux:9 traefik:v3.1 traefik:v2.10 haproxy:2.9-alpine registry.k8s.io/pause:3.10.1
registry.k8s.io/kube-apiserver:v1.36.3 registry.k8s.io/etcd:3.6.6-0 registry.k8s.io/coredns/coredns:v1.13.1
registry.k8s.io/e2e-test-images/agnhost:2.53 registry.k8s.io/echoserver:1.10 registry.k8s.io/busybox:1.27.2
registry.k8s.io/nginx-slim:0.24 registry.k8s.io/hpa-example registry.k8s.io/busybox
gcr.io/google-samples/hello-app:1.0 gcr.io/google-samples/hello-app:2.0 gcr.io/google-samples/kubernetes-bootcamp:v1
gcr.io/google-samples/node-hello:1.0 gcr.io/google-samples/gb-frontend:v5 gcr.io/kuar-demo/kuard-amd64:blue
us-docker.pkg.dev/google-samples/containers/gke/hello-app:2.0 hashicorp/http-echo hashicorp/http-echo:1.0
traefik/whoami:v1.10 traefik/whoami subicura/whoami:1 jpetazzo/color kodekloud/webapp-color:v2
bmuschko/nodejs-hello-world:1.0.0 polinux/stress vish/stress curlimages/curl:8.5.0 radial/busyboxplus:curl
nicolaka/netshoot:v0.13 fluent/fluentd:v1.16-1 prom/prometheus:v2.53.0 grafana/grafana:11.1.0
registry.k8s.io/ingress-nginx/controller:v1.11.2 registry.k8s.io/metrics-server/metrics-server:v0.7.2
ghcr.io/flannel-io/flannel:v0.26.1 docker.io/calico/node:v3.28.0 minio/minio:RELEASE.2024-08-17T01-24-54Z
docker.elastic.co/elasticsearch/elasticsearch:8.15.0 quay.io/fluentd_elasticsearch/fluentd:v2.5.2
gcr.io/google_samples/gb-redis-follower:v2 registry.k8s.io/e2e-test-images/jessie-dnsutils:1.7
"""
IMPLAUSIBLE = """
nginx:1.161 nginx:1.91 nginx:1.99.9 nginx:v1.27 nginx:1.27-slimm nginx:nosuchtag nginx:1.7.999
nginx:1.27-alpine-alpine busybox:latst busybox:2.0 redis:42 redis:7.99 ubuntu:22.05 debian:99 mysql:99 postgres:16.99
python:4 python:3.99 node:99 httpd:3 httpd:2.5 alpine:4 registry.k8s.io/kube-apiserver:1.36.3
registry.k8s.io/kube-apiserver:v1.99.0 registry.k8s.io/etcd:4.0 gcr.io/google-samples/kubernetes-bootcamp:v10
jocatalin/kubernetes-bootcamp:v9 subicura/whoami:7 perl:6 golang:2 memcached:9 wordpress:99
"""


@pytest.mark.parametrize("name", PLAUSIBLE.split())
def test_is_a_tag_of_the_tutorials_there(name: str) -> None:
    catalogue, reference = Catalogue(), parse(name)
    entry = catalogue.entry(reference)
    assert entry is not None
    assert catalogue.has_tag(entry, reference)


@pytest.mark.parametrize("name", IMPLAUSIBLE.split())
def test_is_an_implausible_tag_missing(name: str) -> None:
    catalogue, reference = Catalogue(), parse(name)
    entry = catalogue.entry(reference)
    assert entry is not None
    assert not catalogue.has_tag(entry, reference)


def test_is_a_rule_that_does_not_exist_named() -> None:
    with pytest.raises(ValueError, match="unknown rule 'version'"):
        from_data({"version": {1: "2"}})
