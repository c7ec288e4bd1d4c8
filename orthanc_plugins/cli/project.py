"""``pacs project``: keys and registers of de-identification are made, shown and destroyed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from orthanc_plugins.cli.chosen import patients_by_default, project_of_settings
from orthanc_plugins.cli.commands import DONE, FAILED, USAGE, Command, account, printable, reason_of
from orthanc_plugins.errors import AuditError, ConfigurationError, CustodyError, KeyUnusable, ProfileError

if TYPE_CHECKING:
    import argparse

    from orthanc_plugins.projects import Custodian
    from orthanc_plugins.rules import DeidentificationProject

_EXIT_CODES = (
    "Exit codes: 0 it was done; 1 a project that was to be shown cannot be used; 2 the command was not "
    "understood, or a key, register or folder cannot be made, used or removed."
)
_FAULTS = (KeyUnusable, CustodyError, AuditError, ConfigurationError, ProfileError, OSError)
_NOT_REVERSIBLE = "not reversible any more: what told who is behind a pseudonym was destroyed for good"


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
    form = create.add_mutually_exclusive_group()
    for kind, like in (("keyed", "DEID- and 16 characters made with the key"), ("numbered", "ANON00001 …")):
        form.add_argument(
            f"--{kind}",
            dest="patients",
            action="store_const",
            const=kind,
            help=f"call patients {like}, for good; when not given as the settings of this name say, or keyed",
        )
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
        ("destroy-key", "destroy a project's key and register for good, and its name with them"),
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
    return Custodian(settings.custody, settings.audit, settings.identities)


def _create(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    custodian, name = _custodian(arguments), arguments.name
    said = None if arguments.custody is not None else project_of_settings(name)
    was_there, is_destroyed = name in custodian.projects(), custodian.is_identities_destroyed(name)
    wanted = said is not None and said.reversible and not is_destroyed
    key_id = custodian.create(
        name,
        reversible=arguments.reversible or wanted,
        patients=_patients_of(arguments, said),
        otherwise=None if said is None else patients_by_default(said),
    )
    kind, reversible = custodian.patient_form(name).kind, custodian.has_identities(name)
    told = f"key {key_id}, patients {kind}{', reversible' if reversible else ''}"
    print(f"project {name}{' was there already' if was_there else ''}: {told}", file=output)
    if is_destroyed:
        print(f"{_NOT_REVERSIBLE}; set Reversible to false where the settings say true", file=output)
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


def _patients_of(
    arguments: argparse.Namespace, said: DeidentificationProject | None
) -> Literal["keyed", "numbered"] | None:
    """Return how patients are to be called, by the command or by the settings, which may not differ."""
    asked: Literal["keyed", "numbered"] | None = arguments.patients
    by_settings = None if said is None else said.patients
    if asked is not None and by_settings not in {None, asked}:
        raise ConfigurationError(
            f"The settings say that patients of {arguments.name} are {by_settings}: leave --{asked} out, or "
            "change Patients there."
        )
    return asked or by_settings


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
    _show_form(custodian, name, output)
    kept = len(custodian.identities(name, ()).pseudonyms()) if custodian.has_identities(name) else None
    told = "who is behind a pseudonym is not kept"
    if kept is not None:
        told = f"who is behind a pseudonym is kept, sealed, of {kept}"
    elif custodian.is_identities_destroyed(name):
        told = _NOT_REVERSIBLE
    print(told, file=output)
    return DONE


def _show_form(custodian: Custodian, name: str, output: TextIO) -> None:
    try:
        print(f"patients are {custodian.patient_form(name).kind}", file=output)
    except CustodyError as error:  # it is usable once that is said
        print(printable(str(error)), file=output)


def _destroy(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    if arguments.yes_destroy != arguments.name:
        print(
            f"pacs project: it cannot be undone. To go on, give --yes-destroy {printable(arguments.name)}",
            file=errors,
        )
        return USAGE
    custodian = _custodian(arguments)
    if arguments.action == "destroy-mapping":
        custodian.destroy_identities(arguments.name, account())
        print(
            "Nobody can look up any more who is behind a pseudonym of the project. It goes on without that, "
            "and is not reversible any more: set Reversible to false where the settings say true.",
            file=output,
        )
        return DONE
    custodian.destroy_key(arguments.name, account())
    print(
        "Key and register are gone; so must be their copies. No study is released for the project any more, "
        "and none of this name can be made: take another.",
        file=output,
    )
    if custodian.has_identities(arguments.name):
        print(
            "Who is behind its pseudonyms is still kept: pacs project destroy-mapping ends that.", file=output
        )
    return DONE


COMMAND = Command(
    name="project",
    summary="Make, show and destroy the keys and registers of de-identification.",
    exit_codes=_EXIT_CODES,
    add_arguments=_add_arguments,
    run=_run,
)
