"""Keep pydicom and its decoders from warning, in every thread.

They warn of what this package handles itself (a value that does not follow its representation, pixels longer
than announced, a length of the file meta information that is not so), and quote the value, which may be a
patient's.

Decisions
---------
2026-11-21  One filter for the whole process, by the modules that warn. `warnings.catch_warnings` exchanges
            the filters of all threads: of two that overlap, the one leaves the other's filters behind for
            good, so that no warning of anyone is shown any more, or all of pydicom's are.
2026-11-21  It is looked after at each use, not set once: whoever sets filters later puts them ahead of it,
            and whoever ends a `catch_warnings` of his own takes it away.
"""

from __future__ import annotations

import threading
import warnings

_SOURCES = r"(pydicom|openjpeg|libjpeg|rle|pylibjpeg)(\.|$)"


class _Filter:
    """An entry of the process's filters of warnings that comes before all others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entry: object = None

    def put_first(self) -> None:
        if self._is_first():
            return
        with self._lock:
            if not self._is_first():
                warnings.filterwarnings("ignore", module=_SOURCES)
                self._entry = warnings.filters[0]

    def _is_first(self) -> bool:
        held = warnings.filters
        return bool(held) and held[0] is self._entry


_FILTER = _Filter()


def hush_pydicom() -> None:
    """Have pydicom and its decoders warn no more in this process; to be called before they are used."""
    _FILTER.put_first()
