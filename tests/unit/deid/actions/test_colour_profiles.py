"""ICC profiles keep their colours and lose their texts."""

from __future__ import annotations

import io
import struct
from typing import Any

import pytest
from PIL import ImageCms

from orthanc_plugins.deid.actions import ByType
from orthanc_plugins.deid.actions.colour_profiles import BlankedProfile
from orthanc_plugins.deid.job import Job
from orthanc_plugins.deid.rules import Kind, Place, Rule
from orthanc_plugins.deid.wire import EXPLICIT_LITTLE
from orthanc_plugins.pseudonyms import Pseudonyms


def profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def treated(value: bytes) -> bytes | None:
    rule = Rule(0x00282000, Kind.ACTED, b"OB", frozenset({b"OB"}), "K")
    job = Job(Pseudonyms(bytes(32)), "DEID-A", 0, lambda _: False, lambda _: False)
    return BlankedProfile(ByType("X"))(value, rule, Place(EXPLICIT_LITTLE), job)


def blanked(value: bytes) -> bytes:
    new = treated(value)
    assert new is not None
    return new


def colours(value: bytes) -> Any:
    opened = ImageCms.ImageCmsProfile(io.BytesIO(value)).profile
    return opened.red_colorant, opened.green_colorant, opened.media_white_point


def test_the_colours_are_those_of_before() -> None:
    assert colours(blanked(profile())) == colours(profile())


def test_no_text_and_no_date_is_left() -> None:
    before = profile()
    assert "sRGB".encode("utf-16-be") in before
    after = blanked(before)
    assert "sRGB".encode("utf-16-be") not in after
    assert after[24:36] == bytes(12)
    assert len(after) == len(before) + len(before) % 2


def test_what_follows_the_profile_goes() -> None:
    assert b"Hidden" not in blanked(profile() + b"Hidden")


@pytest.mark.parametrize("value", [b"", b"no profile at all", profile()[:140]])
def test_what_is_no_profile_is_removed(value: bytes) -> None:
    assert treated(value) is None


def test_a_text_without_records_is_blanked_whole() -> None:
    text = b"text" + bytes(4) + b"Copyright Jane Doe\0"
    begin = 128 + 4 + 12
    head = bytearray(128)
    struct.pack_into(">L", head, 0, begin + len(text))
    head[36:40] = b"acsp"
    after = blanked(bytes(head) + struct.pack(">L4sLL", 1, b"cprt", begin, len(text)) + text)
    assert after[begin : begin + 8] == text[:8]
    assert not after[begin + 8 :].strip(b"\0")
