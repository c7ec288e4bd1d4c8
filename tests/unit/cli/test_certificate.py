"""``pacs certificate``, from arguments to exit codes."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.certificates import certificate_of, create_signing_key, signed, written
from orthanc_plugins.cli import DONE, FAILED, USAGE, main
from tests.unit.certificates.samples import BEGAN, DELIVERY, FILES, ISSUED, PATIENT, certificate, key, report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A released study, its certificate and the key to trust beside it."""
    for path, (content, _) in FILES.items():
        (tmp_path / "study" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "study" / path).write_bytes(content)
    (tmp_path / "certificate.json").write_bytes(written(signed(certificate(), key())))
    (tmp_path / "public.pem").write_text(key().public.pem)
    return tmp_path


def run(folder: Path, *arguments: str) -> int:
    placed = [
        str(folder / one) if one.endswith((".json", ".pem", ".pdf")) or one in {"study", "custody"} else one
        for one in arguments
    ]
    return main(["certificate", *placed])


def test_what_was_issued_is_valid(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "verify", "certificate.json", "--key", "public.pem", "--files", "study") == DONE
    assert capsys.readouterr().out.splitlines() == [
        "signature: valid",
        f"key: {key().public.key_id}, in words: {key().public.words}",
        "files: all 3 are as certified, and there are no others",
    ]


def test_what_the_destination_has_written_anew_is_as_certified_beside_its_certificate(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stored = {
        PurePosixPath(path).stem: hashlib.sha256(b"anew " + content).hexdigest()
        for path, (content, _) in FILES.items()
    }
    one = certificate_of(
        report(), report()["studies"][0], began=BEGAN, issued=ISSUED, delivery=DELIVERY, stored=stored
    )
    (folder / "certificate.json").write_bytes(written(signed(one, key())))
    (folder / "study/certificate.json").write_bytes(written(signed(one, key())))
    for number, path in enumerate(FILES):
        content = (folder / "study" / path).read_bytes()
        (folder / "study" / path).unlink()
        (folder / f"study/{number}.dcm").write_bytes(b"anew " + content)
    assert run(folder, "verify", "certificate.json", "--key", "public.pem", "--files", "study") == DONE
    (told,) = capsys.readouterr().out.splitlines()[2:]
    assert told == (
        "files: all 3 are as certified: 0 as sent, 3 as the destination stores them, and there are no others "
        "but certificates of the study"
    )


def test_an_unknown_key_fails_and_is_told_in_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "public.pem").write_text(key(2).public.pem)
    assert run(folder, "verify", "certificate.json", "--key", "public.pem") == FAILED
    told = capsys.readouterr()
    assert "signature: unknown key" in told.out
    assert key().public.words in told.out
    assert "Compare these words" in told.err


def test_an_altered_certificate_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads((folder / "certificate.json").read_text())
    content["certificate"]["policy"]["suite"] = "9"
    (folder / "certificate.json").write_text(json.dumps(content))
    assert run(folder, "verify", "certificate.json", "--key", "public.pem") == FAILED
    assert "signature: altered" in capsys.readouterr().out
    (folder / "certificate.json").write_text("{}")
    assert run(folder, "verify", "certificate.json", "--key", "public.pem") == FAILED
    assert "no certificate, or was altered" in capsys.readouterr().err


def test_files_that_are_not_those_certified_fail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "study/2.25.2/2.25.21.dcm").write_bytes(b"x")
    (folder / "study/2.25.3/2.25.31.dcm").unlink()
    (folder / "study/more\n.txt").write_bytes(b"x")
    assert run(folder, "verify", "certificate.json", "--key", "public.pem", "--files", "study") == FAILED
    assert capsys.readouterr().out.splitlines()[2:] == [
        "altered: 2.25.2/2.25.21.dcm",
        "missing: 2.25.3/2.25.31.dcm",
        "not certified: more?.txt",
        "files: 1 of 3 are as certified; 1 altered, 1 missing, 1 not certified",
    ]


def test_the_installation_trusts_its_own_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = signed(certificate(), create_signing_key(folder / "custody"))
    (folder / "certificate.json").write_bytes(written(own))
    assert run(folder, "verify", "certificate.json", "--custody", "custody") == DONE
    assert "signature: valid" in capsys.readouterr().out


def test_without_any_key_nothing_is_trusted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "verify", "certificate.json", "--custody", "custody") == FAILED
    told = capsys.readouterr()
    assert "signature: unknown key" in told.out
    assert "no key is trusted" in told.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "absent.json"),
        ("verify", "certificate.json", "--key", "absent.pem"),
        ("verify", "certificate.json", "--key", "certificate.json"),
        ("verify", "certificate.json", "--key", "public.pem", "--files", "custody"),
        ("key", "--custody", "custody"),
    ],
)
def test_what_cannot_be_read_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert run(folder, *arguments) == USAGE
    assert capsys.readouterr().err.startswith("pacs certificate: ")


def test_a_certificate_is_shown_in_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "show", "certificate.json") == DONE
    told = capsys.readouterr()
    assert f"  Patient (pseudonym): {PATIENT}" in told.out.splitlines()
    assert "What was checked before it left" in told.out.splitlines()
    assert "The signature was not checked" in told.err


def test_a_certificate_is_written_as_pdf(folder: Path) -> None:
    assert run(folder, "show", "certificate.json", "--pdf", "certificate.pdf") == DONE
    assert (folder / "certificate.pdf").read_bytes().startswith(b"%PDF-")


def test_the_public_key_is_printed_and_made_when_asked_for(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "key", "--create", "--custody", "custody") == DONE
    told = capsys.readouterr()
    assert told.out == create_signing_key(folder / "custody").public.pem
    assert "in words: " in told.err


def test_a_download_of_xnat_is_verified_as_zip_and_its_pictures_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with zipfile.ZipFile(folder / "session.zip", "w") as out:
        for number, (content, _) in enumerate(FILES.values()):
            out.writestr(f"S/scans/2-CT/resources/DICOM/files/{number}.dcm", content)
        for name in ("2_qc.gif", "2_qc_t.gif"):
            out.writestr(f"S/scans/2-CT/resources/SNAPSHOTS/files/{name}", b"GIF89a picture")
    verify = ("verify", "certificate.json", "--key", "public.pem", "--files", str(folder / "session.zip"))
    assert run(folder, *verify) == DONE
    assert capsys.readouterr().out.splitlines()[2:] == [
        "pictures: 2 that XNAT has made of the images (SNAPSHOTS); no certificate is of them",
        "files: all 3 are as certified, and there are no others but the pictures",
    ]
    with zipfile.ZipFile(folder / "session.zip", "a") as out:
        out.writestr("S/scans/2-CT/resources/SNAPSHOTS/files/notes.gif", b"of Mrs Doe")
        out.writestr("S/scans/2-CT/resources/OTHER/files/more.gif", b"GIF89a picture")
    assert run(folder, *verify) == FAILED
    assert "files: 3 of 3 are as certified; 2 not certified" in capsys.readouterr().out


def test_a_zip_that_is_not_unpacked_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "cut.zip").write_bytes(b"PK\x03\x04")
    verify = ("verify", "certificate.json", "--key", "public.pem", "--files", str(folder / "cut.zip"))
    assert run(folder, *verify) == USAGE
    assert "cut.zip is not unpacked: it is damaged" in capsys.readouterr().err
