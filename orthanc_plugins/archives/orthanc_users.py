"""Who asks, as Orthanc's own authentication knows them.

A header says a name; whether it is true only Orthanc can tell, and only where it asks everybody: so it is
asked twice, without the header and with it.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from orthanc_plugins.errors import ArchiveRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from orthanc_plugins.archives.orthanc_rest import OrthancRest

_UNAUTHORISED = 401


class OrthancUsers:
    """Tells whose password came with a request.

    Parameters
    ----------
    ask
        Returns a client of Orthanc that sends these headers and no others.
    """

    def __init__(self, ask: Callable[[dict[str, str]], OrthancRest]) -> None:
        self._ask = ask

    def user_of(self, authorisation: str) -> str | None:
        """Return the user of an Authorization header; None where it is wrong, or Orthanc asks for none.

        Raises
        ------
        ArchiveUnavailable
            Orthanc does not answer.
        """
        name = _name_in(authorisation)
        if name is None or self._takes({}) or not self._takes({"Authorization": authorisation}):
            return None
        return name

    def _takes(self, headers: dict[str, str]) -> bool:
        """Return whether Orthanc answers a request with these headers; raise when it says anything else."""
        try:
            self._ask(headers).system()
        except ArchiveRefused as error:
            if error.status != _UNAUTHORISED:
                raise
            return False
        return True


def _name_in(authorisation: str) -> str | None:
    """Return the user's name in an Authorization header of scheme Basic (RFC 7617)."""
    scheme, _, told = authorisation.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, _ = base64.b64decode(told, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return name if colon and name else None
