"""PS3.15 Table E.3.10-1."""

from __future__ import annotations

import hashlib
import json

import pytest

from orthanc_plugins.deid.standard import SafePrivate, safe_private


def test_the_lines_have_the_digest_of_those_of_2026d() -> None:
    lines = [
        {
            "tag": f"({line.tag})",
            "private_creator": line.creator,
            "vr": line.vr,
            "vm": line.vm,
            "meaning": line.meaning,
        }
        for line in safe_private().values()
    ]
    text = json.dumps(lines, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert len(lines) == 479
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "7acb26dbab0e3124c02d075cbf8c5510354a20ded9f89ee4765976a905d92f63"
    )


@pytest.mark.parametrize(
    ("key", "line"),
    [
        (
            ("GEMS_PARM_01", 0x0043, 0x39),
            SafePrivate("GEMS_PARM_01", "0043,xx39", "IS", "4", "1stvalue is B Value"),
        ),
        (
            ("Philips Imaging DD 001", 0x2001, 0x0A),
            SafePrivate("Philips Imaging DD 001", "2001,xx0a", "IS", "1", "Image Plane Number"),
        ),
        (
            ("SIEMENS Ultrasound SC2000", 0x0119, 0x11),
            SafePrivate("SIEMENS Ultrasound SC2000", "0119,xx11", "", "1", "Stage Timer Time"),
        ),
    ],
)
def test_a_line_is_found_by_creator_group_and_lower_byte(
    key: tuple[str, int, int], line: SafePrivate
) -> None:
    assert safe_private()[key] == line


@pytest.mark.parametrize(
    "key",
    [("GEMS_PARM_01", 0x0043, 0x28), ("GEMS_PARM_01 ", 0x0043, 0x39), ("SIEMENS CSA HEADER", 0x0029, 0x10)],
)
def test_what_no_manufacturer_stated_is_not_there(key: tuple[str, int, int]) -> None:
    assert key not in safe_private()
