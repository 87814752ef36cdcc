"""How strict the rules of a pod's specification are.

New pods and templates are judged strictly. What is stored already may break rules that came later, or that were lifted
for a while; an update must not be refused for what it did not do. `STRICT` is tried first. Only when it finds
something, `tolerant_of(old)` says which rules the stored one breaks, and the update is judged again without these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from minikube_edu.api.field_errors import Errors

Object = dict[str, Any]


class Options(NamedTuple):
    is_pod: bool = False  # a real pod, not a template
    any_selector_value: bool = False  # values in selectors of pod affinity need not be label values
    any_node_value: bool = False  # the same for required node affinity
    any_page_multiple: bool = False  # huge pages need not be whole pages
    any_spread_selector: bool = False  # selectors of spread constraints are not judged
    legacy_spread_keys: bool = False  # matchLabelKeys of spread constraints under the older rule
    any_token_path: bool = False  # projected tokens may be written anywhere
    any_sysctl: bool = False  # sysctls of a namespace that is shared with the host
    any_deletion_cost: bool = False  # the annotation need not be a number
    any_init_resize: bool = False  # init containers may be restarted by a resize
    block_in_user_namespace: bool = False  # volumeDevices together with hostUsers: false
    number_tolerations: bool = False  # Lt and Gt in tolerations
    host_network_in_user_namespace: bool = False


STRICT = Options()
STRICT_POD = Options(is_pod=True)
# What `tolerant_of` may switch off, one at a time.
_RULES = tuple(field for field in Options._fields if field != "is_pod")


def judge_update(
    errors: Errors, judge: Callable[[Object, Options, Errors], None], new: Object, old: Object | None, strict: Options
) -> None:
    """Judge `new` strictly; failing that, without the rules that `old` breaks."""
    found = Errors()
    judge(new, strict, found)
    if found and old is not None:
        options = tolerant_of(judge, old, strict)
        if options != strict:
            found = Errors()
            judge(new, options, found)
    errors.extend(found)


def tolerant_of(judge: Callable[[Object, Options, Errors], None], old: Object, strict: Options) -> Options:
    """The rules that the stored object breaks are those whose absence makes fewer errors of it."""
    faults = _count(judge, old, strict)
    if not faults:
        return strict
    lifted = {rule: True for rule in _RULES if _count(judge, old, strict._replace(**{rule: True})) < faults}
    return strict._replace(**lifted)


def _count(judge: Callable[[Object, Options, Errors], None], obj: Object, options: Options) -> int:
    errors = Errors()
    judge(obj, options, errors)
    return len(errors)
