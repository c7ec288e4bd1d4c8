"""A certificate of what a run tells of a study; of what did not leave, or was not checked, there is none."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydicom.uid import UID

from orthanc_plugins.certificates.canonical import canonical, parsed, plain, restored
from orthanc_plugins.certificates.certificate import FORMAT, Certificate, Delivery, Outcome, PolicyException
from orthanc_plugins.certificates.limits import limits_of
from orthanc_plugins.certificates.listing import digest_of
from orthanc_plugins.certificates.methods import CLEAN_PIXELS, claim_of, meaning_of
from orthanc_plugins.errors import DeidError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NONE: Mapping[str, str] = MappingProxyType({})


def certificate_of(  # noqa: PLR0913 - each is a fact of its own, given by name
    report: Mapping[str, Any],
    study: Mapping[str, Any],
    *,
    began: datetime,
    issued: datetime,
    delivery: Delivery | None = None,
    exceptions: Sequence[PolicyException] = (),
    stored: Mapping[str, str] = _NONE,
) -> Certificate:
    """Return the certificate of one study of a run.

    Parameters
    ----------
    report
        What the run says of itself (`orthanc_plugins.release.report_of`).
    study
        Its entry of the study.
    began, issued
        When the run began, and now; with their time zones.
    delivery
        Where the study was sent, and what was found there.
    exceptions
        Of the profile.
    stored
        SHA-256 of the files that came back otherwise than they were sent, by SOP Instance UID.

    Raises
    ------
    DeidError
        The study did not leave, something of it was not checked or was found by the check, or the report says
        what a certificate must not.
    """
    try:
        content = _content(report, study, tuple(exceptions), stored)
        content |= {
            "began": plain(began.astimezone(UTC).replace(microsecond=0)),
            "issued": plain(issued.astimezone(UTC).replace(microsecond=0)),
            "delivery": plain(delivery),
            "outcome": Outcome.RELEASED if delivery is None else delivery.outcome,
        }
        return restored(Certificate, parsed(canonical(content)), "certificate")
    except (KeyError, TypeError, AttributeError) as error:
        raise DeidError(
            f"The report of the run has another form than certificates know ({type(error).__name__})."
        ) from None


def _content(
    report: Mapping[str, Any],
    study: Mapping[str, Any],
    exceptions: tuple[PolicyException, ...],
    stored: Mapping[str, str],
) -> dict[str, Any]:
    """Return what does not depend on times and places."""
    if study["state"] != "released":
        raise DeidError("The study did not leave, so there is nothing to certify.")
    files = _files(study, stored)
    decisions = sorted(study.get("decisions", ()), key=lambda one: one["sop_instance_uid"])
    pixels = {"looked_at": study["pixels"]["looked_at"], "masked": study["pixels"]["masked"]}
    methods = _methods(report["method_codes"], len(files), pixels["looked_at"])
    return {
        "format": FORMAT,
        "claim": claim_of(report["edition"], methods.items(), len(files), exceptions=len(exceptions)),
        "policy": _policy(report, exceptions),
        "methods": [
            {"code": code, "meaning": meaning_of(code), "instances": times} for code, times in methods.items()
        ],
        "study": {
            "patient": study["patient"],
            "uid": study["study_uid"],
            "sop_classes": _sop_classes(files),
            "files": files,
            "files_sha256": digest_of((file["path"], file["sha256"]) for file in files),
        },
        "actions": [
            {name: one[name] for name in ("action", "tag", "keyword", "times")} for one in study["actions"]
        ],
        "pixels": pixels,
        "faces": [{"reason": reason, "instances": times} for reason, times in sorted(study["faces"].items())],
        "verification": _verification(study["check"]),
        "limits": limits_of(
            methods,
            instances=len(files),
            looked_at=pixels["looked_at"],
            faces=bool(study["faces"]),
            exceptions=bool(exceptions),
            numbered=report.get("patients") == "numbered",
            partly_judged=_warnings(study["check"])["conformance"],
            decided=[one["decide"] for one in decisions],
        ),
    } | ({"decisions": [_decided(one) for one in decisions]} if decisions else {})


def _decided(one: Mapping[str, Any]) -> dict[str, Any]:
    at = datetime.fromisoformat(one["at"]).astimezone(UTC).replace(microsecond=0)
    names = ("sop_instance_uid", "decide", "holds", "boxes", "frames", "by", "why")
    return {name: one[name] for name in names} | {"at": plain(at)}


def _policy(report: Mapping[str, Any], exceptions: tuple[PolicyException, ...]) -> dict[str, Any]:
    return {
        "suite": report["suite"],
        "project": report["project"],
        "profile": report["profile"],
        "digest": report["policy"],
        "edition": report["edition"],
        "key_id": report["key_id"],
        "longitudinal": report["longitudinal"],
        "exceptions": plain(exceptions),
    }


def _methods(codes: Sequence[str], instances: int, looked_at: int) -> dict[str, int]:
    """Return in how many instances each method was applied, by code in ascending order.

    Clean Pixel Data is stated in the instances that were looked at, whether the profile asks for all or not.
    """
    methods = dict.fromkeys(codes, instances)
    if looked_at:
        methods.setdefault(CLEAN_PIXELS, looked_at)
    return dict(sorted(methods.items()))


def _files(study: Mapping[str, Any], stored: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the files by path in ascending order, their paths below the study's folder."""
    below = f"{study['patient']}/{study['study_uid']}/"
    if any(not file["path"].startswith(below) for file in study["files"]):
        raise DeidError("A file of the study lies outside the study's folder.")
    files = [
        {
            "path": file["path"].removeprefix(below),
            "sha256": file["sha256"],
            "sop_class_uid": file["sop_class_uid"],
        }
        | _as_stored(file, stored)
        for file in study["files"]
    ]
    return sorted(files, key=lambda file: file["path"])


def _as_stored(file: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """Return the digest that a file came back with, where it is another one; its name is its UID."""
    sha256 = stored.get(PurePosixPath(file["path"]).stem)
    return {} if sha256 in {None, file["sha256"]} else {"sha256_stored": str(sha256)}


def _sop_classes(files: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    counted = Counter(file["sop_class_uid"] for file in files)
    return [{"uid": uid, "name": UID(uid).name, "instances": times} for uid, times in sorted(counted.items())]


def _verification(check: Mapping[str, Any] | None) -> dict[str, Any]:
    if check is None or check["passed"] is not True:
        raise DeidError("The study has not passed the check, so there is nothing to certify.")
    if any(one["severity"] != "warning" for one in check["findings"]):
        raise DeidError("The check found errors, so there is nothing to certify.")
    warnings = _warnings(check)
    return {
        "instances": check["instances"],
        "bytes_searched": check["bytes_searched"],
        "checks": [{"name": name, "warnings": warnings[name]} for name in check["checks"]],
    }


def _warnings(check: Mapping[str, Any]) -> Counter[str]:
    """Return how many warnings each check of a report has that found no errors."""
    return Counter(one["check"] for one in check["findings"])
