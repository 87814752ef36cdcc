"""DNS messages: does what is written come back, and is everything else refused?"""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.lib.dns_messages import (
    AAAA,
    CNAME,
    MX,
    NS,
    PTR,
    SOA,
    SRV,
    TXT,
    A,
    Data,
    Malformed,
    Message,
    Question,
    Record,
    reverse_name,
)

LABELS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=1, max_size=20)
NAMES = st.lists(LABELS, min_size=1, max_size=6).map(lambda labels: ".".join(labels) + ".")
SHORT = st.integers(0, 0xFFFF)
LONG = st.integers(0, 0xFFFFFFFF)
DATA: dict[int, st.SearchStrategy[Data]] = {
    A: st.ip_addresses(v=4).map(str),
    AAAA: st.ip_addresses(v=6).map(str),
    CNAME: NAMES,
    PTR: NAMES,
    NS: NAMES,
    SRV: st.tuples(SHORT, SHORT, SHORT, NAMES),
    MX: st.tuples(SHORT, NAMES),
    SOA: st.tuples(NAMES, NAMES, LONG, LONG, LONG, LONG, LONG),
    TXT: st.lists(st.binary(max_size=255), min_size=1, max_size=3).map(tuple),
    41: st.binary(max_size=20),
}
RECORDS = st.sampled_from(sorted(DATA)).flatmap(
    lambda type: st.builds(Record, NAMES, st.just(type), DATA[type], st.integers(0, 1 << 31))
)
SECTIONS = st.lists(RECORDS, max_size=4).map(tuple)
MESSAGES = st.builds(
    Message,
    SHORT,
    st.booleans(),
    st.integers(0, 15),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 15),
    st.lists(st.builds(Question, NAMES, SHORT), max_size=2).map(tuple),
    SECTIONS,
    SECTIONS,
    SECTIONS,
)


@given(MESSAGES)
def test_what_is_written_comes_back(message: Message) -> None:
    assert Message.decode(message.encode()) == message


@given(st.binary(max_size=80))
def test_noise_is_refused_and_never_hangs(data: bytes) -> None:
    try:
        Message.decode(data)
    except Malformed:
        pass


@given(MESSAGES, st.data())
def test_a_damaged_message_is_refused_or_read(message: Message, data: st.DataObject) -> None:
    raw = bytearray(message.encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        Message.decode(bytes(raw))
    except Malformed:
        pass


def test_a_query_is_the_bytes_of_the_standard() -> None:
    assert Message.query(0x1234, "web.default.", A).encode() == (
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03web\x07default\x00\x00\x01\x00\x01"
    )


def test_a_name_that_was_said_is_not_said_again() -> None:
    query = Message.query(1, "a.very.long.name.example.", A)
    answer = query.reply(answers=(Record("a.very.long.name.example.", A, "192.0.2.1"),)).encode()
    assert answer.count(b"example") == 1
    assert len(answer) == len(query.encode()) + 2 + 10 + 4


def test_an_answer_that_is_too_long_is_cut_and_says_so() -> None:
    query = Message.query(1, "many.example.", A)
    many = tuple(Record("many.example.", A, str(ipaddress.ip_address(index))) for index in range(100))
    cut = Message.decode(query.reply(answers=many).encode(512))
    assert cut.truncated
    assert cut.answers == ()
    assert cut.questions == query.questions


def test_names_in_circles_are_refused() -> None:
    header = b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"
    with pytest.raises(Malformed):
        Message.decode(header + b"\xc0\x0c\x00\x01\x00\x01")


@pytest.mark.parametrize("name", ["x" * 64 + ".", "abc." * 64 + "x."])
def test_names_that_are_too_long_cannot_be_asked_for(name: str) -> None:
    with pytest.raises(Malformed):
        Message.query(1, name, A).encode()


def test_addresses_have_names_too() -> None:
    assert reverse_name("10.244.0.7") == "7.0.244.10.in-addr.arpa."
    assert reverse_name("::1").endswith(".ip6.arpa.")
