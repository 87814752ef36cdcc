"""Does the sorted list in blocks behave like a sorted list?"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.etcd.keys import BLOCK, SortedKeys

KEYS = st.binary(max_size=2)


@given(st.sets(KEYS), st.lists(KEYS, max_size=60), KEYS, st.none() | KEYS)
def test_are_keys_in_order_whatever_comes_and_goes(
    start: set[bytes], toggled: list[bytes], low: bytes, high: bytes | None
) -> None:
    keys, model = SortedKeys(start), set(start)
    for key in toggled:
        (keys.remove if key in model else keys.add)(key)
        model ^= {key}
    expected = sorted(key for key in model if low <= key and (high is None or key < high))
    assert list(keys.within(low, high)) == expected
    assert keys.count(low, high) == len(expected)
    assert len(keys) == len(model)


def test_do_blocks_split_and_vanish() -> None:
    keys = SortedKeys()
    names = [b"%06d" % (number * 7919 % 10_007) for number in range(5 * BLOCK)]
    for name in names:
        keys.add(name)
    assert list(keys.within(b"", None)) == sorted(names)
    assert keys.count(b"000100", b"000200") == sum(b"000100" <= name < b"000200" for name in names)
    for name in names:
        keys.remove(name)
    assert len(keys) == 0
    assert list(keys.within(b"", None)) == []
