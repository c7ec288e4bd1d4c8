"""``pacs audit``: the audit trail is verified, shown, and where it is broken begun anew."""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TextIO

from orthanc_plugins.audit.codes import EventKind
from orthanc_plugins.cli.commands import DONE, FAILED, USAGE, Command, account, printable, reason_of
from orthanc_plugins.errors import AuditError, ConfigurationError, CustodyError, KeyUnusable

if TYPE_CHECKING:
    import argparse

    from orthanc_plugins.projects import Custodian

_EXIT_CODES = (
    "Exit codes: 0 it was done, and the trail is whole; 1 it is broken; 2 the command was not understood, or "
    "the trail cannot be read or written."
)
_FAULTS = (AuditError, ConfigurationError, CustodyError, KeyUnusable, OSError)
_FORMS = ("json", "fhir", "syslog", "xml")
_KINDS = tuple(EventKind)
_NEXT = (
    "Restore it from a copy, with audit.head.json of the same day. Where there is none: "
    "pacs audit begin-anew --reason WORD"
)


def _moment(text: str) -> datetime:
    """Return a time of the command line; without a zone it is UTC."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is no time; write it as 2026-11-30 or 2026-11-30T14:00Z") from None
    return time if time.tzinfo is not None else time.replace(tzinfo=UTC)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("verify", help="read all of the trail, and tell where it breaks, if it does")
    show = actions.add_parser("show", help="print records, the newest first; that is recorded, too")
    show.add_argument("--since", type=_moment, metavar="TIME", help="such as 2026-11-30 or 2026-11-30T14:00Z")
    show.add_argument("--until", type=_moment, metavar="TIME", help="before this time")
    show.add_argument("--kind", choices=_KINDS, help="events of one kind")
    show.add_argument("--actor", metavar="NAME", help="events that somebody, or something, took part in")
    show.add_argument("--study", metavar="UID", help="events about a study, by its new Study Instance UID")
    show.add_argument("--format", choices=_FORMS, default="json", help="json (as it is kept) when not given")
    show.add_argument("--limit", type=int, default=100, metavar="N", help="at most so many; 100 if not given")
    anew = actions.add_parser(
        "begin-anew",
        help="where the trail is broken: keep what there is of it aside, with a date, and begin another, "
        "whose first record says so",
    )
    anew.add_argument(
        "--reason", required=True, metavar="WORD", help="why, in one word, such as disk_failure"
    )


def _run(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    do = {"verify": _verify, "show": _show, "begin-anew": _begin_anew}[arguments.action]
    try:
        return do(arguments, output, errors)
    except _FAULTS as error:
        print(f"pacs audit: {printable(reason_of(error))}", file=errors)
        return USAGE


def _custodian() -> Custodian:
    from orthanc_plugins.projects import Custodian  # noqa: PLC0415 - loads cryptography
    from orthanc_plugins.settings import read_settings  # noqa: PLC0415 - as the line above

    settings = read_settings()
    return Custodian(settings.custody, settings.audit, settings.identities)


def _verify(_arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    verdict = _custodian().verdict()
    if verdict.broken is None:
        print(f"whole: {verdict.records} records", file=output)
        return DONE
    print(f"broken at record {verdict.broken.sequence}: {verdict.broken.fault}", file=output)
    print(_NEXT, file=errors)
    return FAILED


def _show(arguments: argparse.Namespace, output: TextIO, _errors: TextIO) -> int:
    from orthanc_plugins.audit.forms import written  # noqa: PLC0415 - for this action alone
    from orthanc_plugins.audit.query import TrailQuery  # noqa: PLC0415 - as the line above
    from orthanc_plugins.projects import reading_by  # noqa: PLC0415 - loads cryptography

    trail = _custodian().trail()
    trail.append(reading_by(account()))
    asked = TrailQuery(
        since=arguments.since,
        until=arguments.until,
        kind=arguments.kind,
        study_uid=arguments.study,
        actor=arguments.actor,
        limit=arguments.limit,
    )
    records = trail.records(asked)
    print(written(records, arguments.format).decode().rstrip("\n"), file=output)
    return DONE


def _begin_anew(arguments: argparse.Namespace, output: TextIO, _errors: TextIO) -> int:
    aside = _custodian().begin_trail_anew(account(), arguments.reason)
    print(f"The broken trail is kept in {printable(str(aside))}; another was begun.", file=output)
    return DONE


COMMAND = Command(
    name="audit",
    summary="Verify and show the audit trail; begin it anew where it is broken.",
    exit_codes=_EXIT_CODES,
    add_arguments=_add_arguments,
    run=_run,
)
