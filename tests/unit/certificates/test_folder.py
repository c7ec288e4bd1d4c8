"""A folder has exactly the certified files, or it is told what is otherwise."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from orthanc_plugins.certificates import (
    SignedCertificate,
    certificate_of,
    differences,
    signed,
    study_folder,
    written,
)
from orthanc_plugins.certificates.pdf import pdf_of
from orthanc_plugins.errors import DeidError
from tests.unit.certificates.samples import (
    BEGAN,
    DELIVERY,
    FILES,
    ISSUED,
    PATIENT,
    STUDY,
    certificate,
    key,
    report,
)

FIRST = "2.25.2/2.25.21.dcm"
ENVELOPE = signed(certificate(), key())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The study's folder as it was released."""
    root = tmp_path / PATIENT / STUDY
    for path, (content, _) in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def test_the_files_that_left_are_those_certified(folder: Path) -> None:
    assert not differences(folder, ENVELOPE)


def test_the_study_is_found_in_the_folder_it_was_released_into(folder: Path, tmp_path: Path) -> None:
    study = certificate().study
    assert study_folder(tmp_path, study) == folder
    assert study_folder(folder, study) == folder


def test_an_altered_file_is_told(folder: Path) -> None:
    (folder / FIRST).write_bytes(b"first imagf")
    found = differences(folder, ENVELOPE)
    assert (found.altered, found.missing, found.extra) == ((FIRST,), (), ())


def test_a_missing_file_is_told(folder: Path) -> None:
    (folder / FIRST).unlink()
    found = differences(folder, ENVELOPE)
    assert (found.altered, found.missing, found.extra) == ((), (FIRST,), ())


@pytest.mark.parametrize("name", ["2.25.9.dcm", ".hidden", "new/folder/x"])
def test_a_file_that_is_not_certified_is_told(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"first image")
    found = differences(folder, ENVELOPE)
    assert (found.altered, found.missing, found.extra) == ((), (), (name,))


def test_a_link_is_not_the_file(folder: Path, tmp_path: Path) -> None:
    (folder / FIRST).rename(tmp_path / "elsewhere")
    (folder / FIRST).symlink_to(tmp_path / "elsewhere")
    assert differences(folder, ENVELOPE).altered == (FIRST,)


def test_a_link_to_a_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "all").symlink_to(tmp_path)
    assert differences(folder, ENVELOPE).extra == ("all",)


def test_a_folder_in_place_of_a_file_is_a_missing_file(folder: Path) -> None:
    (folder / FIRST).unlink()
    (folder / FIRST).mkdir()
    assert differences(folder, ENVELOPE).missing == (FIRST,)


def stored(content: bytes) -> bytes:
    """Return a file as a destination writes it anew."""
    return b"written anew: " + content


def rewritten() -> SignedCertificate:
    """Return the certificate of a study that came back with other bytes."""
    digests = {
        Path(path).stem: hashlib.sha256(stored(content)).hexdigest() for path, (content, _) in FILES.items()
    }
    one = certificate_of(
        report(), report()["studies"][0], began=BEGAN, issued=ISSUED, delivery=DELIVERY, stored=digests
    )
    return signed(one, key())


def test_a_download_is_known_by_its_bytes_under_whatever_names(tmp_path: Path) -> None:
    for number, (content, _) in enumerate(FILES.values()):
        place = tmp_path / f"E/scans/{number}-CT/resources/DICOM/files/{number}.dcm"
        place.parent.mkdir(parents=True)
        place.write_bytes(stored(content))
    found = differences(tmp_path, rewritten())
    assert (bool(found), found.as_sent, found.as_stored) == (False, 0, 3)
    place.write_bytes(FILES["2.25.3/2.25.31.dcm"][0])
    found = differences(tmp_path, rewritten())
    assert (bool(found), found.as_sent, found.as_stored) == (False, 1, 2)
    (tmp_path / "twice.dcm").write_bytes(place.read_bytes())
    assert differences(tmp_path, rewritten()).extra == ("twice.dcm",)


def test_an_object_that_was_altered_is_known_by_its_meta_information(folder: Path) -> None:
    (folder / FIRST).unlink()
    head = b"\0" * 128 + b"DICM\x02\0\x03\0UI\x08\x002.25.21\0"
    (folder / "1.dcm").write_bytes(head + b"another image")
    found = differences(folder, ENVELOPE)
    assert (found.altered, found.missing, found.extra) == (("1.dcm",), (), ())


def test_certificates_of_the_study_are_no_difference(folder: Path) -> None:
    name = f"certificate-{ENVELOPE.certificate.digest[:12]}"
    (folder / f"{name}.json").write_bytes(written(ENVELOPE))
    (folder / f"{name}.pdf").write_bytes(pdf_of(ENVELOPE))
    earlier = rewritten()
    (folder / "earlier.json").write_bytes(written(earlier))
    (folder / f"certificate-{earlier.certificate.digest[:12]}.pdf").write_bytes(pdf_of(earlier))
    found = differences(folder, ENVELOPE)
    assert not found
    assert len(found.certificates) == 4


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("certificate.json", b"{}"),
        ("certificate.json", written(signed(certificate(), key(2)))),
        ("certificate.json", written(ENVELOPE).replace(b'"suite":"0.1.0"', b'"suite":"0.1.1"')),
        ("certificate.txt", written(ENVELOPE)),
        ("certificate.pdf", b"%PDF-1.4 of another study"),
        ("certificate-000000000000.pdf", pdf_of(ENVELOPE)),
        ("notes.pdf", pdf_of(ENVELOPE)),
    ],
)
def test_what_only_looks_like_a_certificate_is_told(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    assert differences(folder, ENVELOPE).extra == (name,)


@pytest.mark.parametrize("wrong", [{"2.25.21": "0" * 64}, {"2.25.21": "0" * 64, "2.25.22": "1" * 64}])
def test_a_certificate_lists_all_files_that_came_back_otherwise(wrong: dict[str, str]) -> None:
    with pytest.raises(DeidError, match="written anew"):
        certificate_of(
            report(), report()["studies"][0], began=BEGAN, issued=ISSUED, delivery=DELIVERY, stored=wrong
        )
    with pytest.raises(DeidError, match="written anew"):
        certificate_of(report(), report()["studies"][0], began=BEGAN, issued=ISSUED, stored=wrong)
