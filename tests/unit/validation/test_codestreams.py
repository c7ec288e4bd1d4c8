"""Comments and segments of applications are found in codestreams, and nothing that decoding needs."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

from orthanc_plugins.validation.codestreams import surplus_segments
from orthanc_plugins.validation.reading import read

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.validation.studies import Study

JPEG, JPEG_2000 = b"\xff\xd8", b"\xff\x4f"
START_OF_SCAN = b"\xff\xda\0\4ab" + b"\xff\xfe\0\4cd"
"""What follows the start of a scan are coded pixels, whatever they look like."""


def segment(mark: int, content: bytes = b"x") -> bytes:
    return struct.pack(">BBH", 0xFF, mark, len(content) + 2) + content


@pytest.mark.parametrize(
    ("codestream", "names"),
    [
        (JPEG + segment(0xE0, b"JFIF") + segment(0xEE) + segment(0xDB) + START_OF_SCAN, []),
        (JPEG + segment(0xE0) + segment(0xFE, b"for a patient") + START_OF_SCAN, ["COM"]),
        (
            JPEG + segment(0xE1, b"Exif") + segment(0xED) + segment(0xFE) + START_OF_SCAN,
            ["APP1", "APP13", "COM"],
        ),
        (JPEG_2000 + segment(0x51) + segment(0x52), []),
        (JPEG_2000 + segment(0x51) + segment(0x64, b"comment") + segment(0x90), ["COM"]),
        (b"other" * 5, []),
    ],
)
def test_surplus_segments_are_told_by_name(
    study: Study, tmp_path: Path, codestream: bytes, names: list[str]
) -> None:
    released = study.released["ct1"]
    of_jpeg = codestream.startswith(JPEG)
    released.file_meta.TransferSyntaxUID = JPEGBaseline8Bit if of_jpeg else JPEG2000Lossless
    released.PixelData = encapsulate([codestream])
    study.originals["ct1"] = released
    pair = study.write(tmp_path)[0]
    assert surplus_segments(read(pair.released)) == names
    found = [one for one in study.findings(tmp_path) if one.check == "pixels"]
    assert len(found) == bool(names)


def test_pixels_that_are_not_compressed_have_no_segments(study: Study, tmp_path: Path) -> None:
    study.released["ct1"].PixelData = JPEG + segment(0xFE) + bytes(505)
    assert surplus_segments(read(study.write(tmp_path)[0].released)) == []
