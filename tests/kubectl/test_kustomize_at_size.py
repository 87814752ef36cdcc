"""Is a kustomization of the size people have (a base, a layer, overlays; a hundred resources) built in a second?"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import yaml

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app{0}}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: app{0}}}}}
  template:
    metadata: {{labels: {{app: app{0}}}}}
    spec:
      containers:
      - name: main
        image: nginx:1.25
        envFrom: [{{configMapRef: {{name: settings}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: app{0}}}
spec: {{selector: {{app: app{0}}}, ports: [{{port: 80}}]}}
"""
LAYER = """
resources: [../base]
labels:
- pairs: {team: red}
  includeSelectors: true
images: [{name: nginx, newTag: "1.27"}]
patches:
- target: {kind: Deployment}
  patch: '[{op: replace, path: /spec/replicas, value: 3}]'
"""
OVERLAY = """
namespace: prod
namePrefix: prod-
resources: [../layer]
configMapGenerator:
- {name: settings, behavior: merge, literals: [b=3]}
commonAnnotations: {stage: prod}
patches:
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: app1}
    spec: {template: {spec: {nodeSelector: {disk: ssd}}}}
"""


def test_is_an_overlay_of_a_hundred_resources_built_in_a_second_of_work(tmp_path: Path) -> None:
    for name in ("base", "layer", "prod"):
        (tmp_path / name).mkdir()
    for number in range(50):
        (tmp_path / f"base/app{number}.yaml").write_text(DEPLOYMENT.format(number))
    listed = "".join(f"- app{number}.yaml\n" for number in range(50))
    generated = "configMapGenerator:\n- {name: settings, literals: [a=1, b=2]}\n"
    (tmp_path / "base/kustomization.yaml").write_text(f"resources:\n{listed}{generated}")
    (tmp_path / "layer/kustomization.yaml").write_text(LAYER)
    (tmp_path / "prod/kustomization.yaml").write_text(OVERLAY)

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "minikube_edu.kubectl", "kustomize", str(tmp_path / "prod")]
    built = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    objects = list(yaml.load_all(built, yaml.CSafeLoader))
    assert len(objects) == 101
    config = next(one for one in objects if one["kind"] == "ConfigMap")
    assert config["data"] == {"a": "1", "b": "3"}
    for one in (each for each in objects if each["kind"] == "Deployment"):
        assert one["metadata"]["name"].startswith("prod-app")
        assert one["spec"]["replicas"] == 3
        main = one["spec"]["template"]["spec"]["containers"][0]
        assert main["image"] == "nginx:1.27"
        assert main["envFrom"][0]["configMapRef"]["name"] == config["metadata"]["name"]
    # Work, not time that passes: other programs may run here.
    assert (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime) < 1.0
