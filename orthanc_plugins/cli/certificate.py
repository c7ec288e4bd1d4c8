"""``pacs certificate``: whether a certificate and its files are as they were issued, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from orthanc_plugins.cli.commands import DONE, FAILED, USAGE, Command, printable, reason_of
from orthanc_plugins.errors import ConfigurationError, DeidError, KeyUnusable, ZipRefused

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from orthanc_plugins.certificates import Differences, PublicKey, SignedCertificate

_EXIT_CODES = (
    "Exit codes: 0 the signature is that of a key you trust, and the files are those certified; 1 it is not, "
    "or they are not; 2 the command was not understood, or a file or key cannot be read."
)
_MOST_FILES = 10


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    verify = actions.add_parser("verify", help="check the signature, and that files are those certified")
    verify.add_argument("file", type=Path, metavar="FILE.json")
    verify.add_argument(
        "--key",
        type=Path,
        action="append",
        metavar="PUBLIC.pem",
        help="a key that you trust, may be given again; that of this installation when not given",
    )
    verify.add_argument(
        "--files",
        type=Path,
        metavar="FOLDER|ZIP",
        help="folder of the study, or the one it was released into, or a download, as ZIP or unpacked",
    )
    show = actions.add_parser("show", help="tell what a certificate says; the signature is not checked")
    show.add_argument("file", type=Path, metavar="FILE.json")
    show.add_argument("--pdf", type=Path, metavar="FILE.pdf", help="write it for reading and filing instead")
    key = actions.add_parser("key", help="print the public key of this installation, for recipients")
    key.add_argument("--create", action="store_true", help="make the key now, unless it is there")
    for parser_of in (verify, key):
        parser_of.add_argument(
            "--custody",
            type=Path,
            metavar="FOLDER",
            help="where the installation's key is; as in the settings when not given",
        )


def _run(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    do = {"verify": _verify, "show": _show, "key": _key}[arguments.action]
    try:
        return do(arguments, output, errors)
    except (KeyUnusable, ConfigurationError, ZipRefused, OSError) as error:
        print(f"pacs certificate: {printable(reason_of(error))}", file=errors)
        return USAGE
    except DeidError as error:
        print(f"pacs certificate: {printable(str(error))}", file=errors)
        return FAILED


def _verify(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    from orthanc_plugins.certificates import Verdict, verify  # noqa: PLC0415 - loads cryptography

    envelope = _opened(arguments.file)
    verdict = verify(envelope, _trusted(arguments, errors))
    print(f"signature: {verdict}", file=output)
    _tell_key(envelope.signature.key, output)
    if verdict is Verdict.UNKNOWN_KEY:
        print("Compare these words with those that the issuer tells you, and give --key.", file=errors)
    is_whole = arguments.files is None or _has_downloaded(envelope, arguments.files, output)
    return DONE if verdict is Verdict.VALID and is_whole else FAILED


def _opened(file: Path) -> SignedCertificate:
    from orthanc_plugins.certificates import opened  # noqa: PLC0415 - likewise

    return opened(file.read_bytes())


def _trusted(arguments: argparse.Namespace, errors: TextIO) -> Iterable[PublicKey]:
    """Return the keys that are trusted: those given, else that of this installation if it has one."""
    from orthanc_plugins.certificates import PublicKey, load_signing_key  # noqa: PLC0415 - likewise

    if arguments.key is not None:
        return [PublicKey.from_pem(file.read_bytes()) for file in arguments.key]
    try:
        return [load_signing_key(_custody(arguments)).public]
    except (KeyUnusable, ConfigurationError) as error:
        print(f"no key is trusted: {printable(str(error))}", file=errors)
        return []


def _custody(arguments: argparse.Namespace) -> Path:
    from orthanc_plugins.settings import read_settings  # noqa: PLC0415 - where none is named

    custody: Path | None = arguments.custody
    return custody if custody is not None else read_settings().custody


def _tell_key(key: PublicKey, output: TextIO) -> None:
    print(f"key: {key.key_id}, in words: {key.words}", file=output)


def _has_downloaded(envelope: SignedCertificate, files: Path, output: TextIO) -> bool:
    """Return whether a folder, or a ZIP, has the certified files and no others."""
    from orthanc_plugins.zips import is_zip, unpacked  # noqa: PLC0415 - likewise

    if not is_zip(files):
        return _has_files(envelope, files, output)
    with unpacked(files) as folder:
        return _has_files(envelope, folder, output)


def _has_files(envelope: SignedCertificate, folder: Path, output: TextIO) -> bool:
    """Return whether a folder has the certified files and no others, and tell what is otherwise.

    Certificates of the study that lie beside it, and pictures that XNAT has made, are no others.
    """
    from orthanc_plugins.certificates import differences, study_folder  # noqa: PLC0415 - likewise

    study = envelope.certificate.study
    found = differences(study_folder(folder, study), envelope)
    if found.pictures:
        told = (
            f"{len(found.pictures)} that XNAT has made of the images (SNAPSHOTS); no certificate is of them"
        )
        print(f"pictures: {told}", file=output)
    if not found:
        print(f"files: all {len(study.files)} are as certified{_forms(found)}", file=output)
        return True
    for what, paths in _kinds(found):
        for path in paths[:_MOST_FILES]:
            print(f"{what}: {printable(path)}", file=output)
        if len(paths) > _MOST_FILES:
            print(f"{what}: and {len(paths) - _MOST_FILES} more", file=output)
    told = ", ".join(f"{len(paths)} {what}" for what, paths in _kinds(found) if paths)
    good = found.as_sent + found.as_stored
    print(f"files: {good} of {len(study.files)} are as certified; {told}", file=output)
    return False


def _forms(found: Differences) -> str:
    """Return in which form files are as certified, and what else is there."""
    stored = f": {found.as_sent} as sent, {found.as_stored} as the destination stores them"
    others = {"certificates of the study": found.certificates, "the pictures": found.pictures}
    named = " and ".join(what for what, places in others.items() if places)
    but = f" but {named}" if named else ""
    return f"{stored if found.as_stored else ''}, and there are no others{but}"


def _kinds(found: Differences) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return ("altered", found.altered), ("missing", found.missing), ("not certified", found.extra)


def _show(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    from orthanc_plugins.certificates.wording import told  # noqa: PLC0415 - likewise

    envelope = _opened(arguments.file)
    if arguments.pdf is not None:
        from orthanc_plugins.certificates.pdf import pdf_of  # noqa: PLC0415 - loads reportlab

        arguments.pdf.write_bytes(pdf_of(envelope))
        return DONE
    for title, facts in told(envelope.certificate):
        print(f"{title}", file=output)
        for name, fact in facts:
            print(f"  {name + ': ' if name else ''}{fact}", file=output)
    _tell_key(envelope.signature.key, output)
    print("The signature was not checked: pacs certificate verify does.", file=errors)
    return DONE


def _key(arguments: argparse.Namespace, output: TextIO, errors: TextIO) -> int:
    from orthanc_plugins.certificates import create_signing_key, load_signing_key  # noqa: PLC0415 - likewise

    key = (create_signing_key if arguments.create else load_signing_key)(_custody(arguments)).public
    print(key.pem, end="", file=output)
    _tell_key(key, errors)
    return DONE


COMMAND = Command(
    name="certificate",
    summary="Verify what certifies a de-identified study, and tell what it says.",
    exit_codes=_EXIT_CODES,
    add_arguments=_add_arguments,
    run=_run,
)
