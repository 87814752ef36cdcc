"""Kustomizations, against what the real kubectl made of the same files."""

from __future__ import annotations

from pathlib import Path

import pytest

from minikube_edu.kubectl import kustomize

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: nginx, envFrom: [{configMapRef: {name: settings}}]}]}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    write(tmp_path, "base/dep.yaml", DEPLOYMENT)
    write(tmp_path, "base/svc.yaml", SERVICE)
    write(tmp_path, "base/kustomization.yaml", "resources: [dep.yaml, svc.yaml]")
    return tmp_path


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def overlay(root: Path, text: str, name: str = "over") -> str:
    write(root, f"{name}/kustomization.yaml", text)
    return kustomize.build(str(root / name), lambda line: None)


def problem(folder: Path) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        kustomize.build(str(folder), lambda line: None)
    return str(caught.value).replace(str(folder.parent), "")


def test_services_come_before_deployments_whatever_the_order_of_the_files(tree: Path) -> None:
    kinds = [line for line in kustomize.build(str(tree / "base")).splitlines() if line.startswith("kind")]
    assert kinds == ["kind: Service", "kind: Deployment"]


def test_generated_names_carry_a_hash_of_their_content_and_references_follow(tree: Path) -> None:
    write(tree, "over/app.properties", "x=1\n")
    text = overlay(
        tree,
        """
namePrefix: prod-
nameSuffix: -v1
resources: [../base]
configMapGenerator: [{name: settings, literals: [color=blue], files: [app.properties]}]
""",
    )
    assert "  app.properties: |\n    x=1\n  color: blue\n" in text
    assert text.count("name: prod-settings-v1-fh7b4chdk7") == 2  # the config map and who reads it


def test_a_changed_value_changes_the_hash_and_an_option_leaves_it_out(tree: Path) -> None:
    one = overlay(tree, "configMapGenerator: [{name: a, literals: [x=1]}]")
    other = overlay(tree, "configMapGenerator: [{name: a, literals: [x=2]}]")
    plain = overlay(tree, "configMapGenerator: [{name: a, literals: [x=2], options: {disableNameSuffixHash: true}}]")
    assert len({one, other, plain}) == 3
    assert plain.endswith("  name: a\n")


def test_common_labels_reach_selectors_and_templates_and_are_deprecated(tree: Path) -> None:
    write(tree, "over/kustomization.yaml", "resources: [../base]\ncommonLabels: {team: blue}")
    said: list[str] = []
    text = kustomize.build(str(tree / "over"), said.append)
    assert text.count("team: blue") == 5
    assert said == [
        "# Warning: 'commonLabels' is deprecated. Please use 'labels' instead. "
        "Run 'kustomize edit fix' to update your Kustomization automatically."
    ]


def test_labels_are_for_metadata_alone_unless_asked(tree: Path) -> None:
    assert overlay(tree, "resources: [../base]\nlabels: [{pairs: {e: p}}]").count("e: p\n") == 2
    with_selectors = overlay(tree, "resources: [../base]\nlabels: [{pairs: {e: p}, includeSelectors: true}]")
    assert with_selectors.count("e: p\n") == 5


def test_patches_strategic_and_json_from_files_and_in_line(tree: Path) -> None:
    write(tree, "over/type.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: NodePort}")
    text = overlay(
        tree,
        """
resources: [../base]
patches:
- path: type.yaml
- target: {kind: Deployment}
  patch: |-
    - {op: replace, path: /spec/replicas, value: 7}
- patch: |-
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec: {template: {spec: {containers: [{name: side, image: s}, {name: nginx, envFrom: null}]}}}
""",
    )
    assert "  type: NodePort\n" in text
    assert "  replicas: 7\n" in text
    containers = "      containers:\n      - image: s\n        name: side\n      - image: nginx\n        name: nginx\n"
    assert text.endswith(containers)  # new items first


def test_a_patch_may_delete_an_item_or_a_whole_resource(tree: Path) -> None:
    text = overlay(
        tree,
        """
resources: [../base]
patches:
- patch: "{$patch: delete, apiVersion: v1, kind: Service, metadata: {name: web}}"
- target: {kind: Dep.*}
  patch: |-
    {apiVersion: a/v1, kind: D, metadata: {name: x},
     spec: {template: {spec: {containers: [{name: nginx, $patch: delete}]}}}}
""",
    )
    assert "Service" not in text
    assert text.endswith("      containers: []\n")


@pytest.mark.parametrize(
    ("entry", "image"),
    [
        ('{name: nginx, newTag: "1.27"}', "nginx:1.27"),
        ("{name: nginx, newName: reg:5000/n, digest: sha256:ab}", "reg:5000/n@sha256:ab"),
        ("{name: other, newTag: x}", "nginx"),
    ],
)
def test_images_and_replicas(tree: Path, entry: str, image: str) -> None:
    text = overlay(tree, f"resources: [../base]\nimages: [{entry}]\nreplicas: [{{name: web, count: 3}}]")
    assert f"- image: {image}\n" in text or f"  image: {image}\n" in text
    assert "  replicas: 3\n" in text


def test_a_namespace_is_set_where_there_can_be_one(tree: Path) -> None:
    write(tree, "base/ns.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: old}")
    write(tree, "base/kustomization.yaml", "resources: [dep.yaml, svc.yaml, ns.yaml]")
    text = overlay(tree, "namespace: new\nresources: [../base]")
    assert text.startswith("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: new\n---\n")
    assert text.count("namespace: new") == 2


def test_components_work_on_what_their_parent_has(tree: Path) -> None:
    write(
        tree,
        "comp/kustomization.yaml",
        """
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches: [{target: {kind: Service}, patch: "- {op: add, path: /spec/type, value: LoadBalancer}"}]
""",
    )
    assert "type: LoadBalancer" in overlay(tree, "resources: [../base]\ncomponents: [../comp]")


def test_replacements_copy_values_between_resources(tree: Path) -> None:
    text = overlay(
        tree,
        """
resources: [../base]
replacements:
- source: {kind: Deployment, fieldPath: metadata.name}
  targets:
  - select: {kind: Service}
    fieldPaths: [metadata.labels.of]
    options: {create: true}
  - select: {kind: Deployment}
    fieldPaths: ["spec.template.spec.containers.[name=nginx].image"]
""",
    )
    assert "    of: web\n" in text
    assert "image: web\n" in text


def test_variables_are_filled_in_and_follow_names(tree: Path) -> None:
    write(tree, "base/pod.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, "
          "image: i, args: [--svc=$(SVC), $(NO)]}]}}")  # fmt: skip
    write(tree, "base/kustomization.yaml", "resources: [svc.yaml, pod.yaml]\nvars: [{name: SVC, objref: "
          "{kind: Service, name: web, apiVersion: v1}}]")  # fmt: skip
    assert "    - --svc=x-web\n    - $(NO)\n" in overlay(tree, "resources: [../base]\nnamePrefix: x-")


def test_problems_are_told_in_kustomizes_words(tree: Path) -> None:
    write(tree, "bad/kustomization.yaml", "resurces: []")
    assert problem(tree / "bad") == 'invalid Kustomization: json: unknown field "resurces"'
    write(tree, "bad/kustomization.yaml", "resources: [none.yaml]")
    missing = "evalsymlink failure on '/bad/none.yaml' : lstat /bad/none.yaml: no such file or directory"
    assert problem(tree / "bad") == (
        f"accumulating resources: accumulation err='accumulating resources from 'none.yaml': {missing}': "
        f"must build at directory: not a valid directory: {missing}"
    )
    write(tree, "bad/kustomization.yaml", "resources: [../base/svc.yaml]")
    assert "security; file '/base/svc.yaml' is not in or below '/bad'" in problem(tree / "bad")
    write(tree, "bad/kustomization.yaml", "resources: [../base]\npatches: [{path: nope.yaml}]")
    assert "failed to get the patch file from path(nope.yaml)" in problem(tree / "bad")
    write(tree, "bad/kustomization.yaml", "resources: [../bad]")
    assert "cycle detected: candidate root '/bad' contains visited root '/bad'" in problem(tree / "bad")
    write(tree, "bad/kustomization.yaml", "")
    assert problem(tree / "bad") == "kustomization.yaml is empty"
    (tree / "bad/kustomization.yaml").unlink()
    names = "'kustomization.yaml', 'kustomization.yml' or 'Kustomization'"
    assert problem(tree / "bad") == f"unable to find one of {names} in directory '/bad'"


def test_yes_and_on_are_text_as_kustomize_reads_yaml(tree: Path) -> None:
    write(tree, "base/cm.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: y}, data: {y: yes, n: 'no'}}")
    text = overlay(tree, "resources: [cm.yaml]", "base")
    assert 'data:\n  "n": "no"\n  "y": "yes"\n' in text


def test_do_configurations_name_places_of_custom_resources(tree: Path) -> None:
    write(tree, "o/foo.yaml", "apiVersion: x.io/v1\nkind: Foo\nmetadata: {name: foo}\nspec: {svc: web, image: 'a:1'}\n")
    write(
        tree,
        "o/places.yaml",
        "nameReference: [{kind: Service, fieldSpecs: [{path: spec/svc, kind: Foo}]}]\n"
        "images: [{path: spec/image, kind: Foo}]\n",
    )
    write(
        tree,
        "o/kustomization.yaml",
        "resources: [../base, foo.yaml]\nnamePrefix: p-\nconfigurations: [places.yaml]\n"
        "images: [{name: a, newTag: '2'}]\n",
    )
    (foo,) = [one for one in kustomize.objects(str(tree / "o")) if one["kind"] == "Foo"]
    assert foo["spec"] == {"svc": "p-web", "image": "a:2"}


def test_are_kustomizes_own_plugins_run_and_others_refused(tree: Path) -> None:
    prefix = "apiVersion: builtin\nkind: PrefixTransformer\nmetadata: {name: n}\nprefix: t-\n"
    write(tree, "o/t.yaml", f"{prefix}fieldSpecs: [{{path: metadata/name}}]\n")
    write(
        tree,
        "o/g.yaml",
        "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: made}\nliterals: [a=b]\n",
    )
    write(tree, "o/kustomization.yaml", "resources: [../base]\ntransformers: [t.yaml]\ngenerators: [g.yaml]\n")
    names = [one["metadata"]["name"] for one in kustomize.objects(str(tree / "o"))]
    assert all(name.startswith("t-") for name in names)
    assert any(name.startswith("t-made-") for name in names)
    write(tree, "o/t.yaml", prefix)
    with pytest.raises(ValueError, match=r"PrefixTransformer.builtin.\[noGrp\]/n.\[noNs\] fails configuration"):
        kustomize.build(str(tree / "o"))
    write(tree, "o/t.yaml", "apiVersion: other/v1\nkind: Mine\nmetadata: {name: n}\n")
    with pytest.raises(ValueError, match="external plugins disabled; unable to load external plugin 'Mine'"):
        kustomize.build(str(tree / "o"))


def test_is_told_where_a_resource_comes_from_what_changed_it_and_who_built_it(tree: Path) -> None:
    wanted = "buildMetadata: [originAnnotations, transformerAnnotations, managedByLabel]\n"
    write(tree, "over/own.yaml", "{apiVersion: v1, kind: ServiceAccount, metadata: {name: own}}")
    generator = "configMapGenerator: [{name: made, literals: [a=b]}]\n"
    text = overlay(tree, f"{wanted}resources: [../base, own.yaml]\nnamePrefix: x-\n{generator}")
    assert text.count("    app.kubernetes.io/managed-by: kustomize-v5.8.1\n") == text.count("kind: ") - text.count(
        "      kind: "
    )
    origin = "    config.kubernetes.io/origin: |\n      "
    assert f"{origin}path: own.yaml\n" in text
    assert f"{origin}path: ../base/" in text
    by = "configuredBy:\n        apiVersion: builtin\n        kind: ConfigMapGenerator\n"
    assert f"{origin}configuredIn: kustomization.yaml\n      {by}" in text
    changed = "alpha.config.kubernetes.io/transformations: |\n      - configuredIn: kustomization.yaml\n"
    assert (
        f"{changed}        configuredBy:\n          apiVersion: builtin\n          kind: PrefixTransformer\n    config"
        in text
    )
    assert "config.kubernetes.io" not in overlay(tree, "resources: [own.yaml]\n")
