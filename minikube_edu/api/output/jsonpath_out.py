"""-o jsonpath, jsonpath-file, jsonpath-as-json."""

from __future__ import annotations

from typing import Any

from minikube_edu.api.jsonpath import JsonPath, JsonPathError
from minikube_edu.api.output import json_out
from minikube_edu.lib.gotext import quote
from minikube_edu.lib.govalue import syntax


class JsonPathPrinter:
    def __init__(self, template: str, *, allow_missing: bool = True, as_json: bool = False) -> None:
        try:
            self.path = JsonPath(template, allow_missing=allow_missing)
        except JsonPathError as error:
            raise ValueError(f"error parsing jsonpath {template}, {error}") from None
        self.template = template
        self.as_json = as_json

    def print(self, obj: Any, event: str = "") -> str:
        if event:
            obj = {"type": event, "object": obj}
        try:
            if self.as_json:
                values = self.path.find(obj)
                return "".join(json_out.encode(found) + "\n" for found in values)
            return self.path.render(obj)
        except JsonPathError as error:
            shown = f"Error executing template: {error}. Printing more information for debugging the template:\n"
            shown += f"\ttemplate was:\n\t\t{self.template}\n"
            shown += f"\tobject given to jsonpath engine was:\n\t\t{syntax(obj)}\n\n"
            raise ValueError(f"error executing jsonpath {quote(self.template)}: {shown}\n") from None
