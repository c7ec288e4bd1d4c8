"""A profile of colours may lose its texts, and no colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import ImageCms

from orthanc_plugins.validation.colours import same_colours

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.validation.studies import Study

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
RENAMED = PROFILE.replace("sRGB".encode("utf-16-be"), bytes(8))
REDDER = PROFILE.replace(b"XYZ \0\0\0\0\0\0o", b"XYZ \0\0\0\0\0\0p")


def test_texts_may_go_and_colours_may_not() -> None:
    assert PROFILE not in {RENAMED, REDDER}
    assert same_colours(PROFILE, RENAMED)
    assert not same_colours(PROFILE, REDDER)
    assert not same_colours(PROFILE, bytes(len(PROFILE)))
    assert not same_colours(PROFILE, PROFILE[:130])


def test_bytes_that_are_no_profile_have_no_colours_to_lose() -> None:
    assert same_colours(b"made by somebody", bytes(8))
    assert same_colours(PROFILE[:130], bytes(8))


def test_an_image_is_found_whose_colours_were_changed(study: Study, tmp_path: Path) -> None:
    study.originals["ct1"].ICCProfile, study.released["ct1"].ICCProfile = PROFILE, RENAMED
    assert [one for one in study.findings(tmp_path) if one.check == "content"] == []
    study.released["ct1"].ICCProfile = REDDER
    (found,) = [one for one in study.findings(tmp_path) if one.check == "content"]
    assert (found.location, found.text) == ("(0028,2000)", "its colours were changed")
