"""``pacs sync``: a round of synchronisation now, or how synchronisation stands."""

from __future__ import annotations

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
)
from orthanc_plugins.errors import ArchiveError, ConfigurationError
from orthanc_plugins.rtstruct.problems import counted

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

_EXIT_CODES = (
    "Exit codes: 0 both archives answered and every transfer asked for is verified; 1 an archive did not, a "
    "transfer did not end well or goes on; 2 the command was not understood or the suite does not answer; "
    "130 interrupted: what was asked for goes on."
)
_DECISIONS = {
    "refill": "what orthanc or dcm4chee lost at once is copied back",
    "bury": "what orthanc or dcm4chee lost at once stays away",
}
_DECIDED = {"refill": "they are copied back to", "bury": "they stay away from"}
_ASK_S = 600


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_address(parser)
    parser.add_argument("--status", action="store_true", help="only tell how synchronisation stands")
    parser.add_argument(
        "--lift",
        nargs=2,
        metavar=("ARCHIVE", "STUDY"),
        help="first let a study that was deleted or rejected in orthanc or dcm4chee be sent there again",
    )
    decision = parser.add_mutually_exclusive_group()
    for then, meaning in _DECISIONS.items():
        decision.add_argument(
            f"--{then}",
            choices=("orthanc", "dcm4chee"),
            metavar="ARCHIVE",
            help=f"first decide that {meaning}",
        )
    parser.add_argument(
        "--full", action="store_true", help="list everything anew on both sides, not only what changed"
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=30.0,
        metavar="SECONDS",
        help="how long to wait (default: 30, at most 600)",
    )


def _run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    from orthanc_plugins.cli.suite import Suite  # noqa: PLC0415 - HTTP, for the commands that ask the suite

    try:
        suite = Suite(chosen.url)
        if chosen.status:
            _tell_status(suite.get("/sync/status"), out)
            return DONE
        if chosen.lift:
            archive, study = chosen.lift
            lifted = suite.post("/sync/tombstones/lift", {"archive": archive, "study_uid": study})
            _tell_lifted(study, lifted, out)
            err.writelines(f"pacs: WARNING: {printable(told)}\n" for told in lifted["warnings"])
        for then in _DECISIONS:
            if archive := getattr(chosen, then):
                ended = suite.post("/sync/holds", {"archive": archive, "then": then})
                out.write(f"{_studies(ended['studies'])} decided: {_DECIDED[then]} {archive}\n")
        full = chosen.full or bool(chosen.lift)
        answer = suite.post("/sync", {"full": full, "wait_s": min(chosen.wait, _ASK_S)})
    except (ArchiveError, ConfigurationError) as error:
        err.write(f"pacs: {printable(str(error))}\n")
        return USAGE
    except KeyboardInterrupt:
        err.write("pacs: interrupted: what was asked for goes on.\n")
        return INTERRUPTED
    _tell_round(answer, out, err)
    return DONE if answer["status"] == "success" else FAILED


def _tell_round(answer: Mapping[str, Any], out: TextIO, err: TextIO) -> None:
    differing = answer["differing_studies"]
    differ = (
        "? studies differ" if differing is None else counted(differing, "study differs", "studies differ")
    )
    out.write(
        f"{answer['status']}: {differ} in the instances or attributes listed, "
        f"{answer['synced_studies']} copied and verified, {answer['pending_studies']} on their way, "
        f"{answer['duration_seconds']:.1f} s\n"
    )
    err.writelines(f"pacs: WARNING: {printable(note)}\n" for note in answer["notes"])
    err.writelines(f"pacs: {printable(error)}\n" for error in answer["errors"])


def _tell_lifted(study: str, lifted: Mapping[str, Any], out: TextIO) -> None:
    """Tell what may be sent again, and as what it had gone."""
    for one in lifted["tombstones"]:
        number = counted(one["instances"], "instance")
        out.write(
            f"lifted: {number} of study {printable(study)} may be sent to {one['archive']} again "
            f"({one['kind']}, noted {one['noted_at'][:16].replace('T', ' ')} UTC)\n"
        )


def _tell_status(status: Mapping[str, Any], out: TextIO) -> None:
    studies = status["studies"]
    out.write(f"{status['state']}, direction {status['direction']}, every {status['interval_s']:.0f} s\n")
    for name, archive in status["archives"].items():
        as_of = "never" if archive["updated_at"] is None else moment(archive["updated_at"])
        out.write(
            f"  {name:<9} {archive['state']:<11} {archive['studies']:>9} studies "
            f"{archive['series']:>9} series {archive['instances']:>11} instances, "
            f"as of {as_of}\n"
        )
        if archive["error"]:
            out.write(f"            {printable(archive['error'])}\n")
    out.write(
        f"  {_studies(studies['same'])} the same as far as is known, {studies['differing']} differ "
        f"({studies['by_content']} of them in content alone), "
        f"{studies['only_orthanc']} only in Orthanc, {studies['only_dcm4chee']} only in DCM4CHEE\n"
    )
    out.writelines(f"  WARNING: {printable(held['text'])}\n" for held in status["holds"])
    transfers = {state: f"{count} {state}" for state, count in status["transfers"].items() if count}
    if waiting := status["waiting_for_hours"]:
        transfers["queued"] += f" ({counted(waiting, 'waits for its hours', 'wait for their hours')})"
    out.write(f"  transfers: {', '.join(transfers.values()) or 'none'}\n")


def _studies(number: int) -> str:
    return counted(number, "study", "studies")


COMMAND = Command(
    name="sync",
    summary="Bring both archives in step now, as the settings say, or tell how they stand.",
    exit_codes=_EXIT_CODES,
    add_arguments=_add_arguments,
    run=_run,
)
