"""``pacs repair``: what differs between the archives is planned, carried out, decided and undone."""

from __future__ import annotations

import json
import re
from pathlib import Path
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
from orthanc_plugins.errors import ArchiveError, ConfigurationError
from orthanc_plugins.identifiers import is_dicom_uid, is_orthanc_id

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from orthanc_plugins.cli.suite import Suite

_EXIT_CODES = (
    "Exit codes: 0 the plan was made, the decision taken, or what was asked for is verified; 1 it was not "
    "verified; 2 the command was not understood, or the suite does not answer or refuses; 130 interrupted: "
    "what was begun goes on in the suite."
)
_REPAIR_ID = re.compile(r"[0-9a-f]{32}")
_GOOD = frozenset({"planned", "verified", "undone"})


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_address(parser)
    parser.add_argument(
        "what",
        metavar="STUDY|REPAIR",
        help="a study (Study Instance UID or Orthanc identifier) to plan for; with --apply, --decide, "
        "--undo and --show a repair, by the identifier its plan ends with",
    )
    parser.add_argument(
        "--policy",
        type=Path,
        metavar="FILE",
        help='what may be done by itself, as JSON: {"missing": "copy", "default": "manual", "attributes": '
        '{"Patient*": "prefer_dcm4chee"}, "pixel": "manual"}; what is left out is as in the settings',
    )
    wanted = parser.add_mutually_exclusive_group()
    wanted.add_argument("--apply", action="store_true", help="carry out a plan, and compare again")
    wanted.add_argument("--undo", action="store_true", help="put back what a repair has changed")
    wanted.add_argument("--show", action="store_true", help="show a repair as it stands")
    wanted.add_argument(
        "--decide",
        nargs=2,
        metavar=("ACTION", "DECISION"),
        help="decide an action as one of what its plan offers: copy or leave (out) what an archive lacks; "
        "orthanc, dcm4chee (whose copy is right) or leave (as it is) where the copies differ",
    )


def _run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    from orthanc_plugins.cli.suite import Suite  # noqa: PLC0415 - HTTP, for the commands that ask the suite

    if (fault := _fault(chosen)) is not None:
        err.write(f"pacs: {fault}\n")
        return USAGE
    try:
        state = _do(Suite(chosen.url), chosen, out)
    except (ArchiveError, ConfigurationError, OSError) as error:
        err.write(f"pacs: {printable(reason_of(error))}\n")
        return USAGE
    except KeyboardInterrupt:
        err.write("pacs: interrupted: what was begun goes on in the suite.\n")
        return INTERRUPTED
    return DONE if state in _GOOD else FAILED


def _fault(chosen: argparse.Namespace) -> str | None:
    """Return what is wrong with the arguments, None when nothing is."""
    of_repair = chosen.apply or chosen.undo or chosen.show or chosen.decide
    if of_repair and not _REPAIR_ID.fullmatch(chosen.what):
        return f"{printable(chosen.what)} is no repair: give the identifier that its plan ends with."
    if not of_repair and not is_dicom_uid(chosen.what) and not is_orthanc_id(chosen.what):
        return f"{printable(chosen.what)} is no Study Instance UID and no Orthanc identifier."
    if chosen.decide and not chosen.decide[0].isdecimal():
        return "--decide takes the number of an action, and one of what its plan offers there."
    if chosen.policy is not None and of_repair:
        return "--policy goes with a plan."
    return None


def _do(suite: Suite, chosen: argparse.Namespace, out: TextIO) -> str:
    """Do what was asked, show the repair, and return its state."""
    repair_id = chosen.what
    if chosen.decide:
        action, keep = chosen.decide
        suite.post(f"/repairs/{repair_id}/actions/{int(action)}/decide", {"keep": keep})
    elif chosen.apply or chosen.undo:
        verb = "apply" if chosen.apply else "undo"
        _waited(suite, suite.post(f"/repairs/{repair_id}/{verb}", {"wait_s": 30}))
    elif not chosen.show:
        body: dict[str, Any] = {"wait_s": 30}
        if chosen.policy is not None:
            body["policy"] = _policy(chosen.policy)
        asked = suite.post(f"/studies/{chosen.what}/repair", body)
        _waited(suite, asked)
        repair_id = asked["repair_id"]
    out.write(suite.content(f"/repairs/{repair_id}?format=text").decode())
    state: str = suite.get(f"/repairs/{repair_id}")["state"]
    return "planned" if chosen.decide or chosen.show else state


def _policy(path: Path) -> Any:
    """Return what a file of policy holds.

    Raises
    ------
    ConfigurationError
        It is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigurationError(f"{path} is no JSON ({type(error).__name__}).") from error


def _waited(suite: Suite, repair: Mapping[str, Any]) -> None:
    """Wait for the job of a repair that was not ended when it was answered."""
    if repair["ended_at"] is None and repair["state"] not in _GOOD:
        suite.wait(repair["job_id"], lambda _job: None)


COMMAND = Command(
    name="repair",
    summary="Plan what would make both copies of a study the same; carry it out, decide, undo.",
    exit_codes=_EXIT_CODES,
    add_arguments=_add_arguments,
    run=_run,
)
