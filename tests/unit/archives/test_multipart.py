"""Bodies of multipart/related, cut into pieces anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.archives.base import DicomFile
from orthanc_plugins.archives.multipart import BrokenMultipart, MultipartFiles, media_type, read_parts
from orthanc_plugins.identifiers import SopInstanceUid

RELATED = 'multipart/related; type="application/dicom"; boundary=b'


def in_pieces(body: bytes, size: int) -> list[bytes]:
    return [body[begin : begin + size] for begin in range(0, len(body), size)]


def contents(body: bytes, size: int = 1 << 20, content_type: str = RELATED) -> list[bytes]:
    return [part.content for part in read_parts(in_pieces(body, size), content_type)]


def files(*several: bytes) -> list[DicomFile]:
    return [DicomFile(SopInstanceUid(f"1.{n}"), "1.2", "1.2", content) for n, content in enumerate(several)]


@given(
    st.lists(
        st.binary(max_size=300)
        | st.lists(st.sampled_from([b"\r\n", b"--", b"\r\n--", b"-", b"\r", b"x", b"--\r\n\r\n"])).map(
            b"".join
        ),
        max_size=5,
    ),
    st.integers(1, 400),
)
def test_what_is_written_is_read_whatever_it_holds_and_however_it_is_cut(
    several: list[bytes], size: int
) -> None:
    body = MultipartFiles(files(*several))
    written = b"".join(body)
    assert len(body) == len(written)
    assert contents(written, size, body.content_type) == several


def test_a_body_can_be_written_twice() -> None:
    body = MultipartFiles(files(b"one", b"two"))
    assert b"".join(body) == b"".join(body)
    assert [piece for piece in body if piece in {b"one", b"two"}] == [b"one", b"two"]


def test_preamble_padding_and_epilogue_are_passed_over() -> None:
    body = b"hello\r\n--b \t\r\nContent-Type: a/b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\nbye"
    assert contents(body) == [b"one", b"two"]


def test_headers_of_parts_are_read() -> None:
    body = b"--b\r\nContent-Type: application/dicom; transfer-syntax=1.2\r\nX: y:z\r\n\r\none\r\n--b--"
    (part,) = read_parts([body], RELATED)
    assert part.headers == {"content-type": "application/dicom; transfer-syntax=1.2", "x": "y:z"}
    assert media_type(part.headers["content-type"]) == ("application/dicom", {"transfer-syntax": "1.2"})


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_body_that_ends_too_early_is_broken_after_its_whole_parts(cut: int) -> None:
    body = b"--b\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--"
    got: list[bytes] = []
    if cut < len(body):
        with pytest.raises(BrokenMultipart):
            got.extend(part.content for part in read_parts([body[:cut]], RELATED))
    assert got in ([], [b"one"], [b"one", b"two"])


@pytest.mark.parametrize(
    "content_type",
    ["", "text/html", "multipart/related", "multipart/form-data; boundary=b", "application/dicom"],
)
def test_another_media_type_is_broken(content_type: str) -> None:
    with pytest.raises(BrokenMultipart, match="media type"):
        contents(b"--b\r\n\r\none\r\n--b--", content_type=content_type)


def test_a_delimiter_followed_by_text_is_broken() -> None:
    with pytest.raises(BrokenMultipart, match="delimiter"):
        contents(b"--b\r\n\r\none\r\n--bx\r\n\r\ntwo\r\n--b--")


def test_headers_without_end_are_not_collected_for_ever() -> None:
    with pytest.raises(BrokenMultipart, match="too long"):
        contents(b"--b\r\n" + b"x" * 1_000_000)


@pytest.mark.parametrize("quoted", ['"a b"', "a-b", '"a;b"'])
def test_boundaries_may_be_quoted(quoted: str) -> None:
    boundary = quoted.strip('"').encode()
    body = b"--" + boundary + b"\r\n\r\none\r\n--" + boundary + b"--"
    assert contents(body, content_type=f"Multipart/Related;Boundary={quoted};type=x/y") == [b"one"]
