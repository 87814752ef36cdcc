"""What kubectl prints for -o …, and for tables."""

from __future__ import annotations

from typing import Any

import pytest

from minikube_edu.kubectl.printers import printer_for
from minikube_edu.kubectl.printers.sorting import sort_objects, sort_table
from minikube_edu.kubectl.printers.table import TableOptions

WEB: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web", "namespace": "d", "labels": {"app": "web"}, "managedFields": [{"manager": "k"}]},
    "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}, {"name": "log", "args": ["tail", "-f"]}]},
    "status": {"phase": "Running"},
}
TABLE: dict[str, Any] = {
    "kind": "Table",
    "columnDefinitions": [
        {"name": "Name", "type": "string", "format": "name"},
        {"name": "Ready", "type": "string"},
        {"name": "IP", "type": "string", "priority": 1},
        {"name": "Restarts", "type": "integer"},
    ],
    "rows": [
        {"cells": ["a-long-name", "1/1", "10.0.0.1", 0], "object": {"metadata": {"namespace": "d", "name": "a"}}},
        {"cells": ["b", "0/1", None, 12], "object": {"metadata": {"namespace": "e", "labels": {"x/tier": "back"}}}},
    ],
}


def test_a_table_shows_the_columns_of_first_priority_three_blanks_apart() -> None:
    text = printer_for("", table=TableOptions()).print(TABLE)
    assert text == "NAME          READY   RESTARTS\na-long-name   1/1     0\nb             0/1     12\n"


def test_wide_shows_all_columns_and_an_empty_cell_stays_empty() -> None:
    text = printer_for("wide", table=TableOptions()).print(TABLE)
    assert text.splitlines()[2] == "b             0/1                12"


def test_namespace_labels_and_kind_stand_where_kubectl_puts_them() -> None:
    options = TableOptions(with_namespace=True, show_labels=True, column_labels=["x/tier"], kind="Pod")
    lines = printer_for("", table=options).print(TABLE).splitlines()
    assert lines[0] == "NAMESPACE   NAME              READY   RESTARTS   TIER   LABELS"
    assert lines[2] == "e           pod/b             0/1     12         back   x/tier=back"


def test_a_watch_prints_its_header_once_and_keeps_its_widths() -> None:
    printer = printer_for("", table=TableOptions())
    printer.print(TABLE)
    later = {"kind": "Table", "rows": [{"cells": ["c", "1/1", "", 0]}]}
    assert printer.print(later) == "c             1/1     0\n"


def test_events_of_a_watch_have_a_column_of_their_own() -> None:
    text = printer_for("", table=TableOptions()).print(TABLE, "ADDED")
    assert text.splitlines()[0] == "EVENT      NAME          READY   RESTARTS"
    assert text.splitlines()[1].startswith("ADDED      a-long-name   1/1")


def test_cells_of_several_lines_are_cut_and_do_not_speak_to_the_terminal() -> None:
    table = {**TABLE, "rows": [{"cells": ["x\ny", "\x1b[31m", "", 0]}]}
    assert printer_for("", table=TableOptions(no_headers=True)).print(table) == "x...   ^[[31m   0\n"


def test_managed_fields_are_hidden_until_asked_for() -> None:
    assert "managedFields" not in printer_for("yaml").print(WEB)
    assert "managedFields" in printer_for("yaml", show_managed_fields=True).print(WEB)


def test_a_second_yaml_document_is_set_apart() -> None:
    printer = printer_for("yaml")
    assert not printer.print(WEB).startswith("---")
    assert printer.print(WEB).startswith("---\napiVersion: v1\n")


def test_json_is_indented_by_four_and_escapes_what_html_would_read() -> None:
    assert printer_for("json").print({"b": "<&>", "a": {}, "c": [1]}) == (
        '{\n    "a": {},\n    "b": "\\u003c\\u0026\\u003e",\n    "c": [\n        1\n    ]\n}\n'
    )


def test_long_text_in_yaml_goes_on_below_its_key() -> None:
    text = printer_for("yaml").print({"key": "word " * 20 + "end"})
    assert text == "key: " + "word " * 14 + "word word\n  " + "word " * 4 + "end\n"


def test_kyaml_quotes_text_and_hugs_lists_of_maps() -> None:
    text = printer_for("kyaml").print({"a": "1", "l": [{"x": 1}], "no": ["s"], "t": "x\n y"})
    assert text == (
        '---\n{\n  a: "1",\n  l: [{\n    x: 1,\n  }],\n  "no": [\n    "s",\n  ],\n'
        '  t: "\\\n     x\\n\\\n    \\ y\\\n    ",\n}\n'
    )


def test_names_carry_the_group_and_what_was_done() -> None:
    web = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    assert printer_for("", operation="created").print(web) == "deployment.apps/web created\n"
    assert printer_for("name", operation="created").print(web) == "deployment.apps/web\n"
    assert printer_for("name").print(WEB) == "pod/web\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("jsonpath={.spec.containers[*].name}", "nginx log"),
        ("jsonpath={.metadata.labels}", '{"app":"web"}'),
        ("jsonpath={.nothing.here}", ""),
        ("jsonpath-as-json={.spec.containers[*].name}", '[\n    "nginx",\n    "log"\n]\n'),
        ("custom-columns=NAME:.metadata.name,NO:.x", "NAME   NO\nweb    <none>\n"),
        ("custom-columns=I:.spec.containers[*].name", "I\nnginx,log\n"),
    ],
)
def test_paths_and_custom_columns(path: str, text: str) -> None:
    assert printer_for(path, table=TableOptions()).print(WEB) == text


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("jsonpath={.a", "error parsing jsonpath {.a, unclosed action"),
        ("jsonpath", "template format specified but no template given"),
        ("go-template={{.a", "error parsing template {{.a, template: output:1: unclosed action"),
        ("custom-columns=NAME", "unexpected custom-columns spec: NAME, expected <header>:<json-path-expr>"),
        ("custom-columns=", "custom-columns format specified but no custom columns given"),
        ("jsonpath-file=nope", "error reading --template nope, open nope: no such file or directory"),
        (
            "xml",
            'unable to match a printer suitable for the output format "xml", allowed formats are: custom-columns,'
            "custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,"
            "template,templatefile,wide,yaml",
        ),
    ],
)
def test_wrong_formats_are_refused_in_kubectls_words(output: str, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        printer_for(output, table=TableOptions())
    assert str(caught.value) == message


def test_a_path_that_fails_tells_the_template_and_the_object() -> None:
    with pytest.raises(ValueError, match="error executing jsonpath") as caught:
        printer_for("jsonpath={.items[5].x}").print({"items": [1]})
    assert str(caught.value) == (
        'error executing jsonpath "{.items[5].x}": Error executing template: array index out of bounds: index 5, '
        "length 1. Printing more information for debugging the template:\n\ttemplate was:\n\t\t{.items[5].x}\n"
        '\tobject given to jsonpath engine was:\n\t\tmap[string]interface {}{"items":[]interface {}{1}}\n\n\n'
    )


def test_sorting_knows_quantities_and_turns_round_what_has_no_value() -> None:
    def of(name: str, size: str | None) -> dict[str, Any]:
        return {"metadata": {"name": name}, "spec": {"size": size} if size else {}}

    objects = [of("a", "2Gi"), of("b", "500Mi"), of("c", None), of("d", None)]
    names = [item["metadata"]["name"] for item in sort_objects(objects, "spec.size")]
    assert names == ["d", "c", "b", "a"]
    rows = [{"cells": [item["metadata"]["name"]], "object": item} for item in objects]
    assert [row["cells"][0] for row in sort_table({"rows": rows}, "{.metadata.name}")["rows"]] == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="couldn't find any field with path"):
        sort_objects(objects, ".nope")
