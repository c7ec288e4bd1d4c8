from __future__ import annotations

import pytest

from orthanc_plugins.sync.paths import Step, parse_path, without_items


def test_items_and_creators_are_read() -> None:
    assert parse_path("30060039[2].0011[ACME 1.1]0a[0].7fe00010") == (
        Step("30060039", None, 2),
        Step("00110A", "ACME 1.1", 0),
        Step("7FE00010"),
    )
    assert without_items(parse_path("30060039[2].0011[ACME 1.1]0a[0].7fe00010")) == (
        "30060039.0011[ACME 1.1]0A.7FE00010"
    )


@pytest.mark.parametrize("creator", ["A]B", "A.B", "[X]", "GEMS_IMAG_01", "1.2.840.113681"])
def test_a_creator_may_hold_what_paths_are_made_of(creator: str) -> None:
    (step,) = parse_path(f"0009[{creator}]10")
    assert step == Step("000910", creator)
    assert step.name == f"0009[{creator}]10"


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "0010",
        "00100010.",
        ".00100010",
        "00100010[]",
        "00100010[-1]",
        "00100010 ",
        "0009[]10",
        "PatientName",
    ],
)
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        parse_path(text)
