"""``pacs profile``: what profiles of de-identification do, and why; no Orthanc and no key is needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from orthanc_plugins.cli.chosen import named_profile, profiles_of_settings
from orthanc_plugins.cli.commands import DONE, USAGE, Command, printable, reason_of
from orthanc_plugins.errors import ConfigurationError, ProfileError

if TYPE_CHECKING:
    import argparse

_EXIT_CODES = (
    "Exit codes: 0 it was told; 2 the command was not understood, a profile cannot be used, or the "
    "dictionary has no such attribute."
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="tell which profiles there are, and for whom each is")
    show = actions.add_parser("show", help="tell what a profile decides; a file of your own is checked so")
    explain = actions.add_parser("explain", help="tell what becomes of attributes under a profile, and why")
    for of_one in (show, explain):
        of_one.add_argument(
            "profile", metavar="NAME|FILE.yaml", help="one that list tells, or a file of your own"
        )
    explain.add_argument(
        "keyword", nargs="+", metavar="KEYWORD|TAG", help="as in PS3.6: StudyDate or 0008,0020"
    )
    actions.add_parser("schema", help="print the JSON schema of profiles, for editors")


def _run(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    do = {"list": _list, "show": _show, "explain": _explain, "schema": _schema}[arguments.action]
    try:
        do(arguments, output)
    except (ProfileError, ConfigurationError, OSError) as error:
        print(f"pacs profile: {printable(reason_of(error))}", file=errors)
        return USAGE
    return DONE


def _list(_arguments: argparse.Namespace, output: TextIO) -> None:
    from orthanc_plugins.deid.profile import load_profile, shipped_profiles  # noqa: PLC0415 - loads pydicom

    folder = profiles_of_settings()
    own = () if folder is None else [file.stem for file in folder.glob("*.yaml")]
    for name in sorted({*shipped_profiles(), *own}):
        print(f"{name:12} {printable(load_profile(name, folder).summary.strip())}", file=output)


def _show(arguments: argparse.Namespace, output: TextIO) -> None:
    from orthanc_plugins.deid.describing import attributes_summary, told  # noqa: PLC0415 - likewise

    profile = named_profile(arguments.profile)
    print(f"{profile.name}, policy {profile.digest}", file=output)
    for about, fact in told(profile).items():
        print(f"  {about}: {printable(fact)}", file=output)
    for exception in profile.exceptions:
        text = f"{exception.attribute} {exception.action}: {printable(exception.reason)}"
        print(f"  exception: {text}", file=output)
    print(attributes_summary(profile), end="", file=output)


def _explain(arguments: argparse.Namespace, output: TextIO) -> None:
    from orthanc_plugins.deid.describing import explain  # noqa: PLC0415 - likewise

    profile = named_profile(arguments.profile)
    for text in [explain(profile, keyword) for keyword in arguments.keyword]:
        print(text, end="", file=output)


def _schema(_arguments: argparse.Namespace, output: TextIO) -> None:
    from orthanc_plugins.deid.profile import Profile  # noqa: PLC0415 - likewise

    print(json.dumps(Profile.model_json_schema(), indent=2), file=output)


COMMAND = Command(
    name="profile",
    summary="Tell what profiles of de-identification do with each attribute, and why.",
    exit_codes=_EXIT_CODES,
    add_arguments=_add_arguments,
    run=_run,
)
