"""While a benchmark is at work no round of synchronisation is: it would copy what is being measured."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from orthanc_plugins.errors import BenchmarkRefused
from orthanc_plugins.transfers import held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from orthanc_plugins.transfers.lease import LeaseBook

SYNCHRONISATION = "synchronisation"
"""Name of the lease that a round of synchronisation holds (`synchronisation.LEASE`)."""

PATIENCE_S = 120.0
"""Seconds that a round which is under way is waited for."""

_EVERY_S = 1.0


def holder_of(run_id: str) -> str:
    """Return what a run is called as the holder of a lease."""
    return f"benchmark:{run_id}"


@contextmanager
def undisturbed(
    leases: LeaseBook,
    run_id: str,
    check: Callable[[], None] = lambda: None,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Keep rounds of synchronisation away inside the block, once the one under way has ended.

    Parameters
    ----------
    check
        Called while waiting; may raise to end that.

    Raises
    ------
    BenchmarkRefused
        A round did not end in time.
    """
    deadline = clock() + PATIENCE_S
    with ExitStack() as kept:
        while kept.enter_context(held(leases, SYNCHRONISATION, holder_of(run_id), clock)) is None:
            check()
            if clock() > deadline:
                raise BenchmarkRefused(
                    "A round of synchronisation is under way and would copy what is measured: wait until it "
                    "has ended, and not longer than the night for one that lists everything anew."
                )
            sleep(_EVERY_S)
        yield
