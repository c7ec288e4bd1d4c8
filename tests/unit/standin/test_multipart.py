"""Reading ``multipart/related`` and media types."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from dcm4chee.standin.media import accepted, accepts, media_type
from dcm4chee.standin.multipart import Part, UnfinishedError, parts_of
from tests.standin_objects import multipart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def read(body: bytes, size: int = 7, boundary: str = "boundary") -> list[Part]:
    async def chunks() -> AsyncIterator[bytes]:
        for begin in range(0, len(body), size):
            yield body[begin : begin + size]

    async def collected() -> list[Part]:
        return [part async for part in parts_of(chunks(), boundary)]

    return asyncio.run(collected())


@given(st.lists(st.binary(max_size=60), max_size=4), st.integers(1, 50))
def test_parts_are_what_was_sent_however_they_come(contents: list[bytes], size: int) -> None:
    contents = [content for content in contents if b"--boundary" not in content]
    assert [part.content for part in read(multipart(*contents), size)] == contents


def test_part_tells_its_media_type() -> None:
    (part,) = read(multipart(b"x", kind="application/dicom;transfer-syntax=1.2"))
    assert part.media_type.name == "application/dicom"
    assert part.media_type.parameters == {"transfer-syntax": "1.2"}


def test_what_comes_before_and_after_is_no_part() -> None:
    assert [part.content for part in read(b"preamble\r\n" + multipart(b"a") + b"epilogue")] == [b"a"]


@pytest.mark.parametrize("cut", [3, 8, 15, 40])
def test_a_body_without_its_end_is_unfinished(cut: int) -> None:
    with pytest.raises(UnfinishedError):
        read(multipart(b"content")[:-cut])


def test_bare_line_feeds_are_no_delimiters() -> None:
    with pytest.raises(UnfinishedError):
        read(multipart(b"content").replace(b"\r\n", b"\n"))


def test_headers_without_end_are_not_collected_for_ever() -> None:
    with pytest.raises(UnfinishedError):
        read(b"--boundary\r\n" + b"X: y\r\n" * 20000 + b"\r\n\r\n", 1000)


def request(*accept: str, query: str = "") -> Request:
    headers = [(b"accept", one.encode()) for one in accept]
    return Request({"type": "http", "headers": headers, "query_string": query.encode()})


@pytest.mark.parametrize(
    ("accept", "accepted_"),
    [
        ((), True),
        (("*/*",), True),
        (("application/dicom+json",), True),
        (("text/html, application/*;q=0.1",), True),
        (("text/html",), False),
        (('multipart/related; type="application/dicom+xml"',), False),
        (('multipart/related; type="application/dicom+json"',), True),
    ],
)
def test_what_a_client_accepts(accept: tuple[str, ...], *, accepted_: bool) -> None:
    assert accepts(request(*accept), ["application/dicom+json"]) is accepted_


def test_parameter_is_heard_before_the_header() -> None:
    assert not accepts(request("*/*", query="accept=text/html"), ["application/dicom"])


def test_commas_within_quotes_do_not_divide() -> None:
    (one, two) = accepted(request('a/b; x="1,2", c/d'))
    assert one.parameters == {"x": "1,2"}
    assert two == media_type("c/d")
