"""``pacs anonymize``: the running suite de-identifies a study of its Orthanc and delivers it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TextIO

from orthanc_plugins.cli.commands import (
    DONE,
    FAILED,
    INTERRUPTED,
    USAGE,
    Command,
    add_address,
    printable,
    reason_of,
)
from orthanc_plugins.errors import ArchiveError, ArchiveRefused, ConfigurationError
from orthanc_plugins.identifiers import is_dicom_uid, is_orthanc_id

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from orthanc_plugins.cli.suite import Suite

_EXIT_CODES = (
    "Exit codes: 0 the study was delivered and certified, without --wait asked for, or with --verify found "
    "as it was certified; 1 it was held, refused or not taken, or is otherwise there; 2 the command was not "
    "understood, or the suite does not answer or refuses; 130 interrupted: what was begun goes on in the "
    "suite."
)
_KEPT_BACK = frozenset({HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.BAD_GATEWAY})
"""What the suite answers when a study is held, refused or not taken."""
_VERIFIED = {
    "as_certified": "as certified",
    "otherwise": "otherwise than certified",
    "gone": "not verified, as Orthanc does not hold the original any more",
    "changed": "not verified, as the original has changed since",
}
_WORKING = frozenset({"queued", "running", "working", "released", "delivered"})


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_address(parser)
    parser.add_argument("study", metavar="STUDY", help="Study Instance UID or Orthanc identifier")
    parser.add_argument("--project", metavar="NAME", help="for which project; the default one when not given")
    parser.add_argument("--profile", metavar="NAME", help="another profile that the project allows")
    parser.add_argument(
        "--keep-dates",
        action="store_true",
        help="by the project's profile with longitudinal dates: moved or kept, as it says",
    )
    parser.add_argument(
        "--one-person",
        action="store_true",
        help="it was held for names or birth dates that differ: you have looked, and they are one person's",
    )
    parser.add_argument(
        "--again",
        action="store_true",
        help="do it anew even if it is certified and stands at its destination",
    )
    parser.add_argument("--wait", action="store_true", help="wait until it is delivered and certified")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="send nothing: download what was delivered of it, and validate that again",
    )


def _run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    from orthanc_plugins.cli.suite import Suite  # noqa: PLC0415 - HTTP, for the commands that ask the suite

    if not is_dicom_uid(chosen.study) and not is_orthanc_id(chosen.study):
        err.write(f"pacs: {printable(chosen.study)} is no Study Instance UID and no Orthanc identifier.\n")
        return USAGE
    try:
        if chosen.verify:
            return _verified(Suite(chosen.url), chosen, out)
        answer = _asked(Suite(chosen.url), chosen)
    except (ArchiveError, ConfigurationError, OSError) as error:
        err.write(f"pacs: {printable(reason_of(error))}\n")
        return FAILED if isinstance(error, ArchiveRefused) and error.status in _KEPT_BACK else USAGE
    except KeyboardInterrupt:
        err.write("pacs: interrupted: what was begun goes on in the suite.\n")
        return INTERRUPTED
    return _told(answer, out)


def _asked(suite: Suite, chosen: argparse.Namespace) -> Mapping[str, Any]:
    """Return what the suite answers once the study has come to its end, or at once."""
    body = _body(chosen)
    answer = _begun(suite, body, again=chosen.again)
    while chosen.wait and answer["status"] in _WORKING:
        answer = suite.post("/anonymize", body | {"wait_s": 30})
    return answer


def _body(chosen: argparse.Namespace) -> dict[str, Any]:
    body = {"study_id": chosen.study, "keep_series_date": chosen.keep_dates, "one_person": chosen.one_person}
    body |= {name: getattr(chosen, name) for name in ("project", "profile") if getattr(chosen, name)}
    return {**body, "wait_s": 0}


def _verified(suite: Suite, chosen: argparse.Namespace, out: TextIO) -> int:
    """Have a released study verified again, and tell what was found."""
    asked = suite.post("/anonymize/verify", _body(chosen))
    outcome = str(suite.wait(asked["job_id"], lambda _: None)["result"]["outcome"])
    out.write(f"{_VERIFIED[outcome]}: job {asked['job_id']}\n")
    if outcome == "otherwise":
        found = suite.get(f"/releases/{asked['release_id']}")["look_found"]
        out.write(f"found: {printable(found)}\n")
    out.write(f"certificate: {asked['certificate_url']}\n")
    return DONE if outcome == "as_certified" else FAILED


def _begun(suite: Suite, body: Mapping[str, Any], *, again: bool) -> Mapping[str, Any]:
    """Return the first answer; what had failed or was kept back is begun anew in any case."""
    answer: Mapping[str, Any]
    try:
        answer = suite.post("/anonymize", {**body, "again": again})
    except ArchiveError:
        if again:
            raise
        answer = suite.post("/anonymize", {**body, "again": True})
    return answer


def _told(answer: Mapping[str, Any], out: TextIO) -> int:
    out.write(f"{answer['status']}: project {answer['project']}, job {answer['job_id']}\n")
    out.write(f"profile {answer['profile']}: dates {answer['dates'] or 'unknown'}\n")
    if answer["anonymized_patient_id"]:
        out.write(f"patient {answer['anonymized_patient_id']}, {answer['instances']} instances\n")
    for name in ("destination", "address", "certificate_url", "reason"):
        if answer[name]:
            out.write(f"{name.removesuffix('_url')}: {printable(answer[name])}\n")
    return DONE if answer["status"] in _WORKING | {"certified"} else FAILED


COMMAND = Command(
    name="anonymize",
    summary="De-identify a study that Orthanc holds, check it, and deliver it to its project's destination.",
    exit_codes=_EXIT_CODES,
    add_arguments=_add_arguments,
    run=_run,
)
