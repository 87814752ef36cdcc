"""get: keys and values, now or at an earlier revision."""

from __future__ import annotations

from minikube_edu.etcd.contract import Range, SortOrder, SortTarget, StoreError
from minikube_edu.etcd.etcdctl.forms.fields import Fields
from minikube_edu.etcd.etcdctl.forms.simple import Simple
from minikube_edu.etcd.etcdctl.keys import CHOOSE_ONE, TOO_MANY, interval
from minikube_edu.etcd.etcdctl.session import BAD_ARGUMENTS, BAD_FEATURE, Exit, Session, failed
from minikube_edu.etcd.etcdctl.words import Flag, Flags

FLAGS = (
    Flag("consistency", "string", "l", "Linearizable(l) or Serializable(s)"),
    Flag("order", "string", "", "Order of results; ASCEND or DESCEND (ASCEND by default)"),
    Flag("sort-by", "string", "", "Sort target; CREATE, KEY, MODIFY, VALUE, or VERSION"),
    Flag("limit", "int", 0, "Maximum number of results"),
    Flag("prefix", "bool", False, "Get keys with matching prefix"),
    Flag("from-key", "bool", False, "Get keys that are greater than or equal to the given key"),
    Flag("rev", "int", 0, "Specify the kv revision"),
    Flag("keys-only", "bool", False, "Get only the keys"),
    Flag("count-only", "bool", False, "Get only the count"),
    Flag("print-value-only", "bool", False, 'Only write values when using the "simple" output format'),
    Flag("min-create-rev", "int", 0, "Minimum create revision"),
    Flag("max-create-rev", "int", 0, "Maximum create revision"),
    Flag("min-mod-rev", "int", 0, "Minimum modification revision"),
    Flag("max-mod-rev", "int", 0, "Maximum modification revision"),
)
ORDERS = {"": SortOrder.NONE, "ASCEND": SortOrder.ASCEND, "DESCEND": SortOrder.DESCEND}
TARGETS = {
    "": SortTarget.KEY,
    "KEY": SortTarget.KEY,
    "CREATE": SortTarget.CREATE,
    "MODIFY": SortTarget.MOD,
    "VALUE": SortTarget.VALUE,
    "VERSION": SortTarget.VERSION,
}


async def run(session: Session, flags: Flags, words: list[bytes]) -> None:
    request = request_of(flags, words)
    try:
        result = await (await session.store()).range(request)
    except StoreError as error:
        raise failed(error) from None
    if flags["count-only"] and not isinstance(session.form, Fields):
        raise Exit(BAD_ARGUMENTS, "--count-only is only for `--write-out=fields`")
    if flags["print-value-only"]:
        if not isinstance(session.form, Simple):
            raise Exit(BAD_ARGUMENTS, "print-value-only is only for `--write-out=simple`")
        session.form.value_only = True
    session.form.get(result, await session.header(result.revision))


def request_of(flags: Flags, words: list[bytes]) -> Range:
    """What the command line asks for; a transaction asks in the same words."""
    if not words:
        raise Exit(BAD_ARGUMENTS, "get command needs one argument as key and an optional argument as range_end")
    if flags["prefix"] and flags["from-key"]:
        raise Exit(BAD_ARGUMENTS, CHOOSE_ONE)
    if flags["keys-only"] and flags["count-only"]:
        raise Exit(BAD_ARGUMENTS, "`--keys-only` and `--count-only` cannot be set at the same time, choose one")
    if flags["consistency"] not in ("l", "s"):
        raise Exit(BAD_FEATURE, f'unknown consistency flag "{flags["consistency"]}"')
    if len(words) > 1 and (flags["prefix"] or flags["from-key"]):
        raise Exit(BAD_ARGUMENTS, TOO_MANY)
    key, end = interval(flags, words)
    order, target = flags["order"].upper(), flags["sort-by"].upper()
    if order not in ORDERS:
        raise Exit(BAD_FEATURE, f"bad sort order {flags['order']}")
    if target not in TARGETS:
        raise Exit(BAD_FEATURE, f"bad sort target {flags['sort-by']}")
    for name, low, high in (
        ("Create", flags["min-create-rev"], flags["max-create-rev"]),
        ("Mod", flags["min-mod-rev"], flags["max-mod-rev"]),
    ):
        if 0 < high < low:
            raise Exit(BAD_FEATURE, f"getMin{name}Rev(={low}) > getMax{name}Rev(={high})")
    return Range(
        key,
        end,
        limit=flags["limit"],
        revision=max(0, flags["rev"]),
        sort_order=ORDERS[order],
        sort_target=TARGETS[target],
        serializable=flags["consistency"] == "s",
        keys_only=flags["keys-only"],
        count_only=flags["count-only"],
        min_create_revision=max(0, flags["min-create-rev"]),
        max_create_revision=max(0, flags["max-create-rev"]),
        min_mod_revision=max(0, flags["min-mod-rev"]),
        max_mod_revision=max(0, flags["max-mod-rev"]),
    )
