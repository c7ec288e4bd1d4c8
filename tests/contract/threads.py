"""Calls at the same moment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def at_once(*calls: Callable[[], object]) -> list[BaseException]:
    """Make calls at the same moment, each on a thread; return what they raised."""
    barrier = threading.Barrier(len(calls))
    raised: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        barrier.wait(10)
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - to be looked at by the test
            raised.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return raised
