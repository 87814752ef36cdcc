"""What is known of an archive that comes out of a container before it is unpacked?"""

from __future__ import annotations

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minikube_edu.kubectl.commands import cp


@given(st.lists(st.binary(max_size=1500), max_size=4), st.data())
def test_is_an_archive_complete_exactly_when_its_end_has_come(files: list[bytes], data: st.DataObject) -> None:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for number, content in enumerate(files):
            info = tarfile.TarInfo("long/" * (number * 40) + "file")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        members = tar.offset
    whole = made.getvalue()
    cut = data.draw(st.integers(0, len(whole)))
    come = io.BytesIO()
    come.write(whole[:cut])
    assert cp._complete(come) == (cut >= members + tarfile.BLOCKSIZE)
    assert come.tell() == cut


@pytest.mark.parametrize(
    ("text", "wanted"), [("a/b", ("a/b", "", "")), ("p:/x/", ("/x", "p", "")), ("n/p:x", ("x", "p", "n"))]
)
def test_where_do_files_come_from(text: str, wanted: tuple[str, str, str]) -> None:
    assert cp.place(text) == cp.Place(*wanted)
