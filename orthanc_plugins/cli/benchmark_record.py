"""A benchmark on the command line, told to the suite that is set up here: it lists it, and keeps still."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.benchmark.quiet import undisturbed
from orthanc_plugins.benchmark.telling import findings
from orthanc_plugins.errors import StoreError
from orthanc_plugins.identifiers import JobId
from orthanc_plugins.store import (
    BenchmarkOutcome,
    BenchmarkRequest,
    BenchmarkState,
    Store,
    create_store_engine,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from orthanc_plugins.benchmark.plan import Plan
    from orthanc_plugins.benchmark.results import Results


@contextmanager
def known_to_suite(
    store_url: str, plan: Plan, say: Callable[[str], None], *, meant: bool, listed: bool
) -> Iterator[Callable[[Results, Mapping[str, Any]], None]]:
    """Let the suite know of a run inside the block; gives what is to be called with its results.

    Where the suite was never started its database has no tables; they are not made here.

    Parameters
    ----------
    store_url
        The suite's database.
    listed
        Whether its results go where the suite finds them.

    Raises
    ------
    BenchmarkRefused
        A round of synchronisation does not end.
    """
    with ExitStack() as kept:
        store = Store(create_store_engine(store_url))
        kept.callback(store.close)
        try:
            kept.enter_context(undisturbed(store.leases, plan.run_id))
            if listed:
                store.benchmarks.request(_request(plan, meant=meant))
                store.benchmarks.begin(plan.run_id)
        except StoreError:
            say("the suite here has no database yet: nothing is told to it.")
            yield lambda _results, _content: None
            return
        yield from _told(store, plan, listed=listed)


def _told(
    store: Store, plan: Plan, *, listed: bool
) -> Iterator[Callable[[Results, Mapping[str, Any]], None]]:
    ended = False

    def tell(results: Results, content: Mapping[str, Any]) -> None:
        nonlocal ended
        if listed:
            ended = True
            state = BenchmarkState.SUCCEEDED if results.is_clean else BenchmarkState.FAILED
            error = None if results.is_clean else ("BenchmarkError", "Something is left in an archive.")
            store.benchmarks.end(plan.run_id, state, outcome=_outcome(results, content), error=error)

    try:
        yield tell
    except BaseException as error:
        if listed and not ended:
            why = (type(error).__name__, "The run on the command line did not reach its end.")
            store.benchmarks.end(plan.run_id, BenchmarkState.FAILED, error=why)
        raise


def _request(plan: Plan, *, meant: bool) -> BenchmarkRequest:
    return BenchmarkRequest(
        benchmark_id=plan.run_id,
        job_id=JobId(f"command-line.{plan.run_id}"),
        scale=plan.scale,
        rounds=plan.rounds,
        seed=plan.seed,
        questions=tuple(plan.questions),
        meant=meant,
    )


def _outcome(results: Results, content: Mapping[str, Any]) -> BenchmarkOutcome:
    left, right = (results.archives[name] for name in (ArchiveName.ORTHANC, ArchiveName.DCM4CHEE))
    return BenchmarkOutcome(
        orthanc_version=left.version,
        dcm4chee_version=right.version,
        dcm4chee_stand_in=right.stand_in is not None,
        folder=results.plan.run_id,
        findings=findings(content),
    )
