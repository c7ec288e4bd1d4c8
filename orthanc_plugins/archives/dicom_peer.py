"""Where an archive takes C-STORE, and how an association with it can end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orthanc_plugins.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl

_LONGEST_AET = 16


@dataclass(frozen=True)
class DicomPeer:
    """Where an archive takes C-STORE, and how it is spoken to.

    Parameters
    ----------
    called_aet, calling_aet
        AE titles of the archive and of the suite: at most 16 characters of ASCII (PS3.5 6.2).
    tls
        How its certificate is judged; None speaks no TLS.
    timeout_s
        Seconds without a byte until an association is given up.

    Raises
    ------
    ConfigurationError
        An AE title is none.
    """

    host: str
    port: int
    called_aet: str
    calling_aet: str
    tls: ssl.SSLContext | None = None
    timeout_s: float = 60.0

    def __post_init__(self) -> None:
        for title in (self.called_aet, self.calling_aet):
            if not (title.strip() and len(title) <= _LONGEST_AET and title.isascii() and title.isprintable()):
                raise ConfigurationError(f"{title!r} is no AE title: those have 1 to 16 characters of ASCII.")


class AssociationRejected(Exception):  # noqa: N818 - what it says; it never leaves the archives
    """The peer will not associate; ``permanent`` tells whether it may later."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


class AssociationLost(Exception):  # noqa: N818 - see AssociationRejected
    """The association is no more, or was never made.

    Parameters
    ----------
    complete
        The peer had been sent all of an instance, and may have stored it.
    timed_out
        It took too long, and may still be at it.
    """

    def __init__(self, reason: str, *, complete: bool = False, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.complete = complete
        self.timed_out = timed_out
