"""Faults that nobody foresaw: each costs the part it is met in, and is told without what it stumbled over."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from orthanc_plugins.errors import ArchiveError, PacsSuiteError
from orthanc_plugins.logs import describe_exception

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_log = logging.getLogger(__name__)

SURROUNDINGS = (ArchiveError, OSError)
"""A full disk or an archive that is gone: it concerns everything, and may be over the next time."""


def described(error: BaseException) -> str:
    """Return what an error of ours says; of any other its type and where it arose, never its text.

    A library's exception may quote the value it stumbled over, and that may be a patient's.
    """
    if isinstance(error, PacsSuiteError):
        return str(error).removesuffix(".")
    innermost, *_ = describe_exception(error).split(" < ")
    return innermost


class Sparing:
    """A block of which whatever is raised inside ends that block alone; `tell` says what it was.

    Parameters
    ----------
    what
        What is worked on, for the log: a region by its number, never by its name.
    tell
        Called with the description (see `described`); it makes a problem of it.
    passing
        What goes on to the caller, beside what is no `Exception`.
    """

    def __init__(
        self,
        what: str,
        tell: Callable[[str], None],
        *,
        passing: tuple[type[Exception], ...] = SURROUNDINGS,
    ) -> None:
        self._what, self._tell, self._passing = what, tell, passing

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Tell of an error, and return whether it ends here."""
        if not isinstance(error, Exception) or isinstance(error, self._passing):
            return False
        if not isinstance(error, PacsSuiteError):
            _log.error("%s cannot be processed", self._what, exc_info=error)
        self._tell(described(error))
        return True
