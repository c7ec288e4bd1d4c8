"""``python -m xnat_setup --url URL …``: make an XNAT ready for the suite, and say what was changed."""

from __future__ import annotations

import argparse
import stat
import sys
from pathlib import Path

from orthanc_plugins.archives.sessions import HttpOptions
from orthanc_plugins.errors import PacsSuiteError
from xnat_setup.ready import Wanted, make_ready

SCRIPT = Path(__file__).resolve().parent.parent / "project-script.das"
"""The anonymisation script of the suite's projects."""

_DONE, _FAILED, _USAGE = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Make the site ready: 1 when it cannot be reached or refuses, 2 when an option is wrong."""
    given = _parser().parse_args(arguments)
    try:
        wanted = _wanted(given)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return _USAGE
    try:
        changes = [_told(change) for change in make_ready(wanted, HttpOptions(ca_file=given.ca_file))]
    except PacsSuiteError as error:
        sys.stderr.write(f"error: {error}\n       Mend it and run the same command again: it goes on.\n")
        return _FAILED
    sys.stdout.write(f"{wanted.url} is ready{'' if changes else ', and was before'}.\n")
    return _DONE


def _told(change: str) -> str:
    sys.stdout.write(f"  {change}\n")
    return change


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m xnat_setup", description=__doc__)
    parser.add_argument("--url", required=True, help="root of the site, as it is reached from here")
    parser.add_argument(
        "--admin-password-file", type=Path, required=True, help="the password that admin has, or is to get"
    )
    parser.add_argument(
        "--user-password-file", type=Path, required=True, help="the password of the suite's user there"
    )
    parser.add_argument("--user", default="pacs-suite", help="the suite's user there (%(default)s)")
    parser.add_argument("--project", default="PACS_ANONYMIZED", help="its project (%(default)s)")
    parser.add_argument("--ca-file", type=Path, help="certificates (PEM) that the site's TLS is trusted by")
    new = parser.add_argument_group("for a site that is not set up yet")
    new.add_argument("--site-url", help="its root as browsers see it; --url when not given")
    new.add_argument("--admin-email", default=Wanted.admin_email, help="whom it writes to (%(default)s)")
    new.add_argument("--data", default=Wanted.data, help="where its files are, there (%(default)s)")
    return parser


def _wanted(given: argparse.Namespace) -> Wanted:
    return Wanted(
        url=given.url.rstrip("/"),
        admin_password=_password(given.admin_password_file),
        project=given.project,
        script=SCRIPT.read_text(encoding="utf-8"),
        user=given.user,
        user_password=_password(given.user_password_file),
        admin_email=given.admin_email,
        site_url=given.site_url,
        data=given.data,
    )


def _password(path: Path) -> str:
    """Return the password of a file that only its owner can read."""
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ValueError(f"others can read {path}: chmod 600 it, and take another password")
    password = path.read_text(encoding="utf-8").strip()
    if not password:
        raise ValueError(f"{path} is empty")
    return password


if __name__ == "__main__":
    raise SystemExit(main())
