"""How Python lives inside Orthanc: what Orthanc's Python plugin leaves to the scripts it loads."""

from __future__ import annotations

import ctypes
import functools
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_thread = threading.local()


def as_callback[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Return a function as it may be registered with Orthanc.

    The callback is never freed: the plugin gives its reference to a REST callback back after the
    interpreter has ended, and were it the last one, Orthanc would crash when it stops.

    A thread of Orthanc that has called stays known to Python. Otherwise the plugin has Python make its record
    of the thread at each call and throw it away after it, which maps and unmaps memory and thereby interrupts
    every processor: ingest over REST is then a twentieth slower. Orthanc's threads are a fixed number, so
    their records may stay.
    """

    @functools.wraps(function)
    def callback(*args: P.args, **kwargs: P.kwargs) -> R:
        if not hasattr(_thread, "known"):
            _thread.known = ctypes.pythonapi.PyGILState_Ensure()  # never released
        return function(*args, **kwargs)

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(callback))
    return callback
