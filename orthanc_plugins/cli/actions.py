"""``pacs actions``: the suite's buttons for Orthanc Explorer 2, put into its configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from orthanc_plugins.cli.commands import DONE, FAILED, Command, reason_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

_PLACE = ("OrthancExplorer2", "UiOptions", "CustomButtons")
"""Where Orthanc Explorer 2 looks for them; anywhere else they are passed over without a word."""

_WITHOUT = {"dcm4chee": "dcm4chee", "projects": "project"}
"""What the command calls each need."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--write",
        type=Path,
        metavar="FILE",
        help="put them into this configuration of Orthanc (JSON), such as orthanc-config/orthanc.json; "
        "buttons of others stay",
    )
    parser.add_argument("--language", choices=("en", "fr"), default="en", help="of what the buttons say")
    parser.add_argument(
        "--without",
        choices=sorted(_WITHOUT),
        action="append",
        default=[],
        help="leave out what is of no use without DCM4CHEE, or without projects of de-identification",
    )


def _run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    from orthanc_plugins.api.actions import Need, actions_of, custom_buttons  # noqa: PLC0415 - loads FastAPI

    met = set(Need) - {Need(_WITHOUT[name]) for name in chosen.without}
    buttons = custom_buttons(actions_of(met), chosen.language)
    if chosen.write is None:
        out.write(json.dumps(buttons, indent=2, ensure_ascii=False) + "\n")
        return DONE
    try:
        configuration = json.loads(chosen.write.read_text(encoding="utf-8"))
        text = json.dumps(with_buttons(configuration, buttons), indent=2, ensure_ascii=False) + "\n"
        chosen.write.write_text(text, encoding="utf-8")
    except (OSError, ValueError, TypeError) as error:
        err.write(f"pacs actions: {chosen.write} was not changed: {reason_of(error)}\n")
        return FAILED
    out.write(f"{sum(map(len, buttons.values()))} buttons stand in {chosen.write}.\n")
    return DONE


def with_buttons(
    configuration: Mapping[str, Any], buttons: Mapping[str, list[dict[str, str]]]
) -> dict[str, Any]:
    """Return a configuration of Orthanc with these buttons of ours, and those of others as they are.

    Raises
    ------
    TypeError
        What stands where the buttons belong is something else.
    """
    return _put(configuration, _PLACE, buttons)


def _put(
    section: Mapping[str, Any], place: tuple[str, ...], buttons: Mapping[str, list[dict[str, str]]]
) -> dict[str, Any]:
    from orthanc_plugins.api.actions import OURS  # noqa: PLC0415 - loads FastAPI

    if not isinstance(section, dict):
        raise TypeError("it is no configuration of Orthanc, or its section OrthancExplorer2 is none")
    if place:
        return {**section, place[0]: _put(section.get(place[0], {}), place[1:], buttons)}
    kept = {
        level: [one for one in others if not str(one.get("Id", "")).startswith(OURS)]
        for level, others in section.items()
    }
    return {**kept, **{level: [*kept.get(level, []), *added] for level, added in buttons.items()}}


COMMAND = Command(
    name="actions",
    summary="Print the suite's buttons for Orthanc Explorer 2, or write them into its configuration.",
    exit_codes=f"Exit codes: {DONE} done, {FAILED} the file cannot be read or written.",
    add_arguments=_add_arguments,
    run=_run,
)
