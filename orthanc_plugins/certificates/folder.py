"""Whether a folder has exactly the objects that a certificate lists, under whatever names.

A file is known by the digest of its bytes: that it left with, or that it came back with from a destination
that writes files anew. So the folder may be that of the release, or what was unpacked of a download.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from orthanc_plugins.certificates.signing import Verdict, opened, verify
from orthanc_plugins.errors import DeidError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from orthanc_plugins.certificates.certificate import CertifiedFile, Study
    from orthanc_plugins.certificates.signing import SignedCertificate

_HEAD_BYTES = 4096
_MOST_BYTES = 1 << 26
_OBJECT = b"\x02\x00\x03\x00UI"
"""Media Storage SOP Instance UID (0002,0003), explicit little endian (PS3.10 7.1)."""
_SNAPSHOTS = ("resources", "SNAPSHOTS", "files")
_PICTURES = (b"GIF8", b"\xff\xd8\xff", b"\x89PNG")
_PDF_NAME = re.compile(r"certificate(?:-([0-9a-f]{12}))?\.pdf")


@dataclass(frozen=True)
class Differences:
    """How a folder differs from what is certified; paths are below the study's folder.

    ``as_sent`` and ``as_stored`` are how many files are as they left, and as they came back from a
    destination that has written them anew. ``certificates`` are those of the same study, and ``pictures``
    those that XNAT makes of the images for its pages: neither is a difference. Nobody has certified the
    pictures.
    """

    altered: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]
    as_sent: int = 0
    as_stored: int = 0
    certificates: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there are any."""
        return bool(self.altered or self.missing or self.extra)


def study_folder(folder: Path, study: Study) -> Path:
    """Return the study's own folder: that given, or ``<patient>/<study>`` below it where that is there."""
    below = folder / study.patient / study.uid
    return below if below.is_dir() else folder


def differences(folder: Path, envelope: SignedCertificate) -> Differences:
    """Return how the files of a study's folder differ from those certified; names and places do not matter.

    A link is not followed: what it leads to may be another thing tomorrow. It counts as altered, or as extra.

    Raises
    ------
    OSError
        The folder, or a file in it, cannot be read.
    """
    files = envelope.certificate.study.files
    there = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    unknown = _ByDigest(there)
    as_sent = [file for file in files if unknown.take(file.path, file.sha256)]
    others = [file for file in files if file not in set(as_sent)]
    as_stored = [file for file in others if unknown.take(file.path, file.sha256_stored)]
    lost = {file.path: file for file in others if file not in set(as_stored)}
    altered = _altered({place: there[place] for place in unknown.places}, lost)
    left = {place: there[place] for place in unknown.places if place not in altered}
    certificates = _certificates(left, envelope)
    pictures = {place for place, path in left.items() if _is_picture_of_xnat(place, path)}
    return Differences(
        altered=tuple(sorted(altered)),
        missing=tuple(sorted(lost.keys() - set(altered.values()))),
        extra=tuple(sorted(left.keys() - certificates - pictures)),
        as_sent=len(as_sent),
        as_stored=len(as_stored),
        certificates=tuple(sorted(certificates)),
        pictures=tuple(sorted(pictures)),
    )


class _ByDigest:
    """Files of a folder that were not found to be certified yet."""

    def __init__(self, there: Mapping[str, Path]) -> None:
        self.places = dict.fromkeys(there)
        self._digests = {place: _sha256(path) for place, path in there.items()}
        self._found: dict[str, list[str]] = {}
        for place, digest in self._digests.items():
            if digest is not None:
                self._found.setdefault(digest, []).append(place)

    def take(self, place: str, digest: str | None) -> bool:
        """Return whether a file of this digest is left, that at its place first; it is left no more."""
        found = self._found.get(digest or "", [])
        if not found:
            return False
        taken = place if place in found else found[0]
        found.remove(taken)
        del self.places[taken]
        return True


def _altered(unknown: Mapping[str, Path], lost: Mapping[str, CertifiedFile]) -> dict[str, str]:
    """Return which files are at a certified one's place, or say they are its object; and which that is."""
    altered = {place: place for place in unknown if place in lost}
    by_uid = {PurePosixPath(place).stem: place for place in lost.keys() - altered.keys()}
    for place, path in unknown.items():
        meant = None if place in altered else by_uid.pop(_object_in(path), None)
        if meant is not None:
            altered[place] = meant
    return altered


def _object_in(path: Path) -> str:
    """Return the SOP Instance UID that a file's meta information tells, empty where it tells none."""
    if not _is_plain(path):
        return ""
    with path.open("rb") as file:
        _, found, rest = file.read(_HEAD_BYTES).partition(_OBJECT)
    length = int.from_bytes(rest[:2], "little")
    return rest[2 : 2 + length].rstrip(b"\0 ").decode("ascii", "replace") if found else ""


def _certificates(unknown: Mapping[str, Path], envelope: SignedCertificate) -> set[str]:
    """Return which files are certificates of the same study by the same key, and their PDFs.

    A PDF is one by its name and by the study that it names; only the JSON proves anything.
    """
    found = {
        place: one
        for place, path in unknown.items()
        if (one := _certificate_in(path)) is not None and _is_alike(one, envelope)
    }
    names = {one.certificate.digest[:12] for one in (envelope, *found.values())}
    uid = envelope.certificate.study.uid
    return set(found) | {place for place, path in unknown.items() if _is_pdf_of(path, names, uid)}


def _certificate_in(path: Path) -> SignedCertificate | None:
    if path.suffix != ".json" or not _is_plain(path) or path.stat().st_size > _MOST_BYTES:
        return None
    try:
        return opened(path.read_bytes())
    except DeidError:
        return None  # it stays one that is not certified


def _is_alike(one: SignedCertificate, envelope: SignedCertificate) -> bool:
    is_same_study = one.certificate.study.uid == envelope.certificate.study.uid
    return is_same_study and verify(one, [envelope.signature.key]) is Verdict.VALID


def _is_pdf_of(path: Path, names: Collection[str], study_uid: str) -> bool:
    name = _PDF_NAME.fullmatch(path.name)
    if name is None or name[1] not in {None, *names} or not _is_plain(path):
        return False
    content = path.read_bytes() if path.stat().st_size <= _MOST_BYTES else b""
    return content.startswith(b"%PDF-") and study_uid.encode() in content


def _is_picture_of_xnat(place: str, path: Path) -> bool:
    """Return whether a file is where XNAT keeps pictures of a scan, and is one.

    It is in the scan's resource SNAPSHOTS, as downloads of XNAT name it (``…/SNAPSHOTS/files/…``).
    """
    parts = PurePosixPath(place).parts
    if _SNAPSHOTS not in {parts[index : index + 3] for index in range(len(parts))} or not _is_plain(path):
        return False
    with path.open("rb") as file:
        return file.read(4).startswith(_PICTURES)


def _files(folder: Path) -> Iterator[Path]:
    """Yield everything below a folder that is no folder."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        else:
            yield path


def _is_plain(path: Path) -> bool:
    return not path.is_symlink() and path.is_file()


def _sha256(path: Path) -> str | None:
    """Return SHA-256 of a plain file, None where it is none."""
    if not _is_plain(path):
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
