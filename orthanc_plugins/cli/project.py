"""``pacs project``: keys and registers of de-identification are made, shown and destroyed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from orthanc_plugins.cli.commands import DONE, FAILED, USAGE, Command, printable, reason_of
from orthanc_plugins.errors import AuditError, ConfigurationError, CustodyError, KeyUnusable

if TYPE_CHECKING:
    import argparse

    from orthanc_plugins.projects import Custodian

_EXIT_CODES = (
    "Exit codes: 0 it was done; 1 a project that was to be shown cannot be used; 2 the command was not "
    "understood, or a key, register or folder cannot be made, used or removed."
)
_FAULTS = (KeyUnusable, CustodyError, AuditError, ConfigurationError, OSError)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--custody",
        type=Path,
        metavar="FOLDER",
        help="where keys and registers are; as in the settings when not given. In another folder there is no "
        "audit trail: it is for pacs deidentify alone",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser(
        "create",
        help="make a project's key and register, once; the first time the audit trail and the key "
        "that signs certificates, too",
    )
    create.add_argument("name", metavar="NAME")
    create.add_argument(
        "--reversible",
        action="store_true",
        help="keep, sealed by a key of its own, who is behind a pseudonym; so it is anyway where the "
        "settings say Reversible",
    )
    actions.add_parser("list", help="tell which projects have a key here")
    actions.add_parser("show", help="tell whether a project can be used").add_argument("name", metavar="NAME")
    for what, told in (
        ("destroy-mapping", "destroy for good what tells who is behind the pseudonyms of a project"),
        ("destroy-key", "destroy a project's key for good: nobody gets a pseudonym in it any more"),
    ):
        destroy = actions.add_parser(what, help=told)
        destroy.add_argument("name", metavar="NAME")
        destroy.add_argument("--yes-destroy", metavar="NAME", help="the name once more: it cannot be undone")


def _run(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    do = {
        "create": _create,
        "list": _list,
        "show": _show,
        "destroy-mapping": _destroy,
        "destroy-key": _destroy,
    }[arguments.action]
    try:
        return do(arguments, output, errors)
    except _FAULTS as error:
        print(f"pacs project: {printable(reason_of(error))}", file=errors)
        return USAGE


def _custodian(arguments: argparse.Namespace) -> Custodian:
    from orthanc_plugins.projects import Custodian  # noqa: PLC0415 - loads cryptography
    from orthanc_plugins.settings import read_settings  # noqa: PLC0415 - where no folder is named

    if arguments.custody is not None:
        return Custodian(arguments.custody)
    settings = read_settings()
    return Custodian(settings.custody, settings.audit)


def _create(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    custodian = _custodian(arguments)
    reversible = arguments.reversible or (arguments.custody is None and _is_reversible(arguments.name))
    key_id = custodian.create(arguments.name, reversible=reversible)
    print(f"project {arguments.name}: key {key_id}{', reversible' if reversible else ''}", file=output)
    if custodian.trail_folder is not None:
        from orthanc_plugins.certificates import create_signing_key  # noqa: PLC0415 - loads pydicom

        signing = create_signing_key(custodian.folder).public
        print(f"certificates are signed by {signing.key_id}, in words: {signing.words}", file=output)
    print(
        f"Keep a copy of {printable(str(custodian.folder))} where the data do not go: a lost key or register "
        "gives every patient a second pseudonym.",
        file=errors,
    )
    return DONE


def _is_reversible(name: str) -> bool:
    from orthanc_plugins.settings import read_settings  # noqa: PLC0415 - where no folder is named

    return any(one.reversible for one in read_settings().deidentification.projects if one.name == name)


def _list(arguments: argparse.Namespace, output: TextIO, _errors: TextIO) -> int:
    for name in _custodian(arguments).projects():
        print(name, file=output)
    return DONE


def _show(arguments: argparse.Namespace, output: TextIO, _errors: TextIO) -> int:
    custodian, name = _custodian(arguments), arguments.name
    try:
        key_id = custodian.pseudonyms(name).key_id
    except (KeyUnusable, CustodyError) as error:
        print(f"project {printable(name)}: {printable(str(error))}", file=output)
        return FAILED
    print(f"project {name}: key {key_id}, {custodian.count_patients(name)} patients", file=output)
    kept = len(custodian.identities(name, ()).pseudonyms()) if custodian.has_identities(name) else None
    told = "is not kept" if kept is None else f"is kept, sealed, of {kept}"
    print(f"who is behind a pseudonym {told}", file=output)
    return DONE


def _destroy(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    if arguments.yes_destroy != arguments.name:
        print(
            f"pacs project: it cannot be undone. To go on, give --yes-destroy {printable(arguments.name)}",
            file=errors,
        )
        return USAGE
    custodian = _custodian(arguments)
    if arguments.action == "destroy-mapping":
        custodian.destroy_identities(arguments.name)
        print("Nobody can look up any more who is behind a pseudonym of the project.", file=output)
        return DONE
    custodian.destroy_key(arguments.name)
    print(
        "The key is gone; so must be its copies. No study is released for the project any more.", file=output
    )
    return DONE


COMMAND = Command(
    name="project",
    summary="Make, show and destroy the keys and registers of de-identification.",
    exit_codes=_EXIT_CODES,
    add_arguments=_add_arguments,
    run=_run,
)
