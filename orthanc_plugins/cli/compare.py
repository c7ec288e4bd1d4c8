"""``pacs compare``: both archives against each other: everything, or single studies down to tag and pixel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from orthanc_plugins.cli.commands import (
    DONE,
    FAILED,
    INTERRUPTED,
    USAGE,
    Command,
    add_address,
    moment,
    printable,
    reason_of,
)
from orthanc_plugins.errors import ArchiveError, ConfigurationError
from orthanc_plugins.identifiers import is_dicom_uid, is_orthanc_id
from orthanc_plugins.rtstruct.problems import counted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from orthanc_plugins.cli.suite import Suite

_EXIT_CODES = (
    "Exit codes: 0 everything that was compared is equal; 1 something differs or could not be compared; 2 "
    "the command was not understood, or the suite does not answer; 130 interrupted."
)
_CHANGED = "The archives no longer list it as they did then: compare again."
_UNKNOWN = "Whether they still list it so is not known: an archive does not answer."
_MOST_SHOWN = 20
_REPORTS = {".json": "report.json", ".csv": "differences.csv", ".html": "report.html", ".pdf": "report.pdf"}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_address(parser)
    parser.add_argument(
        "studies",
        nargs="*",
        metavar="STUDY",
        help="Study Instance UID or Orthanc identifier; everything both archives hold when there is none",
    )
    parser.add_argument(
        "--content",
        action="store_true",
        help="of everything, compare what is in the instances, too; single studies always are",
    )
    parser.add_argument(
        "--again", action="store_true", help="also what is not known to have changed since it was compared"
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="FILE",
        help="write what was found as .json, .csv, .html or .pdf: patients' data; of one study, or of "
        "everything",
    )


def _run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    if (fault := _fault(chosen)) is not None:
        err.write(f"pacs: {fault}\n")
        return USAGE
    from orthanc_plugins.cli.suite import Suite  # noqa: PLC0415 - HTTP, for the commands that ask the suite

    try:
        suite = Suite(chosen.url)
        if chosen.studies:
            return _compare_studies(suite, chosen, out, err)
        return _compare_everything(suite, chosen, out, err)
    except (ArchiveError, ConfigurationError, OSError) as error:
        err.write(f"pacs: {printable(reason_of(error))}\n")
        return USAGE
    except KeyboardInterrupt:
        err.write("pacs: interrupted: a comparison that was begun goes on in the suite.\n")
        return INTERRUPTED


def _fault(chosen: argparse.Namespace) -> str | None:
    """Return what is wrong with the arguments, None when nothing is."""
    for study in chosen.studies:
        if not is_dicom_uid(study) and not is_orthanc_id(study):
            return f"{printable(study)} is no Study Instance UID and no Orthanc identifier."
    if chosen.report is not None:
        if chosen.report.suffix not in _REPORTS:
            return f"--report writes {', '.join(_REPORTS)}."
        if len(chosen.studies) > 1:
            return "--report takes one study, or none for everything."
    return None


def _compare_studies(suite: Suite, chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    equal = True
    for study in chosen.studies:
        found = _comparison(suite, study, again=chosen.again, err=err)
        equal &= found["equal"] and found["current"] is not False
        _tell_study(found, out)
        if chosen.report is not None:
            path = f"/studies/{found['study_uid']}/comparison/{_REPORTS[chosen.report.suffix]}"
            _write(chosen.report, suite.content(path), err)
    return DONE if equal else FAILED


def _comparison(suite: Suite, study: str, *, again: bool, err: TextIO) -> Mapping[str, Any]:
    """Return what the copies of a study differ in, however long that takes."""
    path = f"/studies/{study}/comparison"
    found: Mapping[str, Any] = suite.get(path, again=str(again).lower(), wait_s=30)
    if "equal" not in found:
        err.write(f"pacs: {study} is being compared …\n")
        suite.wait(found["job_id"], lambda _job: None)
        found = suite.get(path, stored="true")
    return found


def _tell_study(found: Mapping[str, Any], out: TextIO) -> None:
    sides = (("Orthanc", found["left"]), ("DCM4CHEE", found["right"]))
    counts = " / ".join(f"{name}: {_counted(side)}" for name, side in sides)
    outcome = "equal" if found["equal"] else "DIFFERS" if found["differences"] else "NOT WHOLLY COMPARED"
    out.write(
        f"{found['study_uid']}  {outcome}  ({counted(found['instances_compared'], 'instance')} compared "
        f"{moment(found['compared_at'])})\n"
    )
    if not found["current"]:
        out.write(f"  {_CHANGED if found['current'] is False else _UNKNOWN}\n")
    out.write(f"  {counts}\n")
    out.writelines(
        f"  {difference['kind']:<20} {printable(_where(difference))}\n"
        for difference in found["differences"][:_MOST_SHOWN]
    )
    if len(found["differences"]) > _MOST_SHOWN:
        out.write(f"  … and {len(found['differences']) - _MOST_SHOWN} more: --report FILE.html has all.\n")
    out.writelines(f"  not compared: {printable(reason)}\n" for reason in found["incomplete"])
    out.writelines(f"  {printable(note)}\n" for note in found["notes"])


def _counted(side: Mapping[str, int] | None) -> str:
    if side is None:
        return "not there"
    return f"{side['series']} series, {counted(side['instances'], 'instance')}"


def _where(difference: Mapping[str, Any]) -> str:
    """Return where a difference lies; values are patients' data and stand in reports only."""
    place = difference["sop_instance_uid"] or difference["series_uid"] or difference["study_uid"]
    element = difference["keyword"] or difference["tag"]
    return f"{difference['level']} {place}{f' {element}' if element else ''}: {difference['detail']}"


def _compare_everything(suite: Suite, chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    body = {"depth": "content" if chosen.content else "instance", "again": chosen.again}
    asked = suite.post("/comparisons/generate", body)
    err.write("pacs: both archives are compared …\n")
    suite.wait(asked["job_id"], lambda _job: None)
    found = suite.get(f"/comparisons/generated/{asked['job_id']}")
    studies = found["studies"]
    out.write(
        f"{counted(studies['same'], 'study', 'studies')} the same, {studies['differing']} differ, "
        f"{studies['only_orthanc']} only in Orthanc, {studies['only_dcm4chee']} only in DCM4CHEE\n"
    )
    if chosen.content or found["known"] or found["incomplete"]:
        classes = ", ".join(f"{count} {name}" for name, count in sorted(found["classes"].items()))
        out.write(
            f"content: {counted(found['compared'], 'study', 'studies')} compared now, "
            f"{found['known']} known from before, {found['incomplete']} not wholly; "
            f"studies with differences: {classes or 'none'}\n"
        )
    _tell_differing(suite, out)
    if chosen.report is not None:
        name = _REPORTS[chosen.report.suffix]
        _write(chosen.report, suite.content(f"/comparisons/generated/{asked['job_id']}/{name}"), err)
    alike = not any(studies[kind] for kind in ("differing", "only_orthanc", "only_dcm4chee"))
    return DONE if alike and not found["classes"] and not found["incomplete"] else FAILED


def _write(path: Path, report: bytes, err: TextIO) -> None:
    """Write a report, and say where."""
    path.write_bytes(report)
    err.write(f"pacs: report: {printable(str(path.absolute()))}\n")


def _tell_differing(suite: Suite, out: TextIO) -> None:
    """Name the studies that are not the same on both sides, the first of them."""
    for presence, words in (
        ("only_orthanc", "only in Orthanc"),
        ("only_dcm4chee", "only in DCM4CHEE"),
        ("differing", "differs"),
    ):
        page = suite.get("/studies", presence=presence, limit=_MOST_SHOWN)
        listed: Sequence[Mapping[str, Any]] = page["studies"]
        for study in listed:
            how = ", ".join(study["differences"]) if presence == "differing" else ""
            out.write(f"  {study['study_uid']}  {words}{f': {how}' if how else ''}\n")
        if page["total"] > len(listed):
            out.write(f"  … and {page['total'] - len(listed)} more\n")


COMMAND = Command(
    name="compare",
    summary="Compare both archives: everything they hold, or single studies down to tag and pixel.",
    exit_codes=_EXIT_CODES,
    add_arguments=_add_arguments,
    run=_run,
)
