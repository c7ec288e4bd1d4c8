"""Patience with an archive that does not answer, on clocks that a test moves."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from orthanc_plugins.archives.resilience import (
    CircuitBreaker,
    Clocks,
    MayPass,
    Resilience,
    RetryPolicy,
    retry_after_s,
)
from orthanc_plugins.errors import ArchiveRefused, ArchiveUnavailable

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Time:
    """Clocks that stand still until somebody waits."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.waits: list[float] = []
        self.clocks = Clocks(
            lambda: self.passed_s, lambda: NOON + timedelta(seconds=self.passed_s), self.wait
        )

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.passed_s += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def unavailable() -> ArchiveUnavailable:
    return ArchiveUnavailable("It did not answer.", archive="dcm4chee")


class Attempts:
    """Fails so often, then answers; ``failure`` is how."""

    def __init__(self, failures: int, failure: Exception | None = None) -> None:
        self.left = failures
        self.failure = failure or MayPass(unavailable())
        self.made = 0

    def __call__(self) -> str:
        self.made += 1
        if self.left:
            self.left -= 1
            raise self.failure
        return "answer"


def resilience(time: Time, policy: RetryPolicy | None = None, *, failures: int = 99) -> Resilience:
    breaker = CircuitBreaker("dcm4chee", failures=failures, clocks=time.clocks)
    return Resilience(breaker, policy, time.clocks)


def always(_: MayPass) -> bool:
    return True


def never(_: MayPass) -> bool:
    return False


# Retries


def test_what_passes_is_tried_again_after_waits_that_grow_at_most(time: Time) -> None:
    attempts = Attempts(5)
    policy = RetryPolicy(attempts=6, first_wait_s=1.0, longest_wait_s=4.0)
    assert resilience(time, policy).call(attempts, again=always) == "answer"
    assert attempts.made == 6
    assert len(time.waits) == 5
    for wait, longest in zip(time.waits, (1, 2, 4, 4, 4), strict=True):
        assert 0 <= wait <= longest


def test_waits_are_drawn(time: Time) -> None:
    policy = RetryPolicy(attempts=40, first_wait_s=1.0, longest_wait_s=1.0, within_s=1000)
    resilience(time, policy).call(Attempts(39), again=always)
    assert len(set(time.waits)) > 30
    assert min(time.waits) < 0.2
    assert max(time.waits) > 0.8


def test_in_the_end_the_last_error_is_raised(time: Time) -> None:
    attempts = Attempts(9)
    with pytest.raises(ArchiveUnavailable, match="did not answer"):
        resilience(time, RetryPolicy(attempts=3)).call(attempts, again=always)
    assert attempts.made == 3


def test_what_is_not_safe_to_repeat_is_not(time: Time) -> None:
    attempts = Attempts(9)
    with pytest.raises(ArchiveUnavailable):
        resilience(time).call(attempts, again=never)
    assert attempts.made == 1


def test_what_does_not_pass_is_not_tried_again(time: Time) -> None:
    attempts = Attempts(1, ArchiveRefused("No.", archive="dcm4chee"))
    with pytest.raises(ArchiveRefused):
        resilience(time).call(attempts, again=always)
    assert attempts.made == 1


def test_an_archive_that_asks_for_time_is_given_it(time: Time) -> None:
    attempts = Attempts(1, MayPass(unavailable(), retry_after_s=7.0))
    assert resilience(time).call(attempts, again=always) == "answer"
    assert time.waits == [7.0]


def test_an_archive_that_asks_for_too_much_time_is_not_waited_for(time: Time) -> None:
    attempts = Attempts(1, MayPass(unavailable(), retry_after_s=3600.0))
    with pytest.raises(ArchiveUnavailable):
        resilience(time).call(attempts, again=always)
    assert time.waits == []


def test_no_attempt_begins_after_its_time(time: Time) -> None:
    def slow() -> str:
        time.passed_s += 50
        raise MayPass(unavailable())

    with pytest.raises(ArchiveUnavailable):
        resilience(time, RetryPolicy(attempts=99, within_s=120)).call(slow, again=always)
    assert 120 <= time.passed_s < 200


def test_a_pause_is_drawn_within_what_the_policy_allows(time: Time) -> None:
    patient = resilience(time, RetryPolicy(first_wait_s=1.0, longest_wait_s=3.0))
    for attempt in (2, 3, 4, 5):
        patient.pause(attempt)
    assert all(0 <= wait <= most for wait, most in zip(time.waits, (1, 2, 3, 3), strict=True))


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("soon", None),
        ("Sun, 29 Nov 2026 12:01:00 GMT", 60.0),
        ("Sun, 29 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 29 Nov 2026 12:01:00 -0000", None),
    ],
)
def test_retry_after_is_read_in_both_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after_s(header, NOON) == seconds


# Circuit breaker


def failing(time: Time, failures: int = 3) -> tuple[CircuitBreaker, Resilience]:
    breaker = CircuitBreaker("dcm4chee", title="DCM4CHEE", failures=failures, pause_s=30, clocks=time.clocks)
    return breaker, Resilience(breaker, RetryPolicy(attempts=1), time.clocks)


def fail(resilient: Resilience, failure: MayPass | None = None) -> None:
    with pytest.raises(ArchiveUnavailable):
        resilient.call(Attempts(1, failure or MayPass(unavailable())), again=never)


def test_after_failures_in_a_row_nothing_is_sent_and_the_error_says_since_and_until_when(time: Time) -> None:
    breaker, resilient = failing(time)
    for _ in range(3):
        fail(resilient)
        time.passed_s += 1
    assert breaker.is_open
    attempts = Attempts(0)
    says = r"DCM4CHEE has not answered since 2026-11-29T12:00:02Z; it is asked again at 2026-11-29T12:00:32Z"
    with pytest.raises(ArchiveUnavailable, match=says):
        resilient.call(attempts, again=always)
    assert attempts.made == 0


def test_failures_not_in_a_row_do_not_open_the_circuit(time: Time) -> None:
    breaker, resilient = failing(time)
    for _ in range(5):
        fail(resilient)
        fail(resilient)
        resilient.call(Attempts(0), again=never)
    assert not breaker.is_open


@pytest.mark.parametrize("alive", ["refusal", "answer of its own"])
def test_an_archive_that_answers_with_an_error_is_not_down(time: Time, alive: str) -> None:
    breaker, resilient = failing(time)
    for _ in range(5):
        fail(resilient)
        fail(resilient)
        if alive == "refusal":
            with pytest.raises(ArchiveRefused):
                resilient.call(Attempts(1, ArchiveRefused("No.", archive="dcm4chee")), again=never)
        else:
            fail(resilient, MayPass(unavailable(), alive=True))
    assert not breaker.is_open


def test_after_the_pause_one_request_probes_and_closes_the_circuit(time: Time) -> None:
    breaker, resilient = failing(time)
    for _ in range(3):
        fail(resilient)
    time.passed_s += 30
    assert resilient.call(Attempts(0), again=never) == "answer"
    assert not breaker.is_open
    assert resilient.call(Attempts(0), again=never) == "answer"


def test_a_probe_that_fails_keeps_the_circuit_open_for_another_pause(time: Time) -> None:
    _, resilient = failing(time)
    for _ in range(3):
        fail(resilient)
    time.passed_s += 30
    fail(resilient)
    time.passed_s += 29
    with pytest.raises(ArchiveUnavailable, match="since 2026-11-29T12:00:00Z"):
        resilient.call(Attempts(0), again=never)
    time.passed_s += 1
    assert resilient.call(Attempts(0), again=never) == "answer"


def test_while_one_request_probes_others_are_kept_back(time: Time) -> None:
    breaker, resilient = failing(time)
    for _ in range(3):
        fail(resilient)
    time.passed_s += 30
    breaker.admit()
    with pytest.raises(ArchiveUnavailable):
        breaker.admit()


def test_of_many_threads_one_probes(time: Time) -> None:
    breaker, resilient = failing(time)
    for _ in range(3):
        fail(resilient)
    time.passed_s += 30
    passed: list[bool] = []

    def try_it() -> None:
        try:
            breaker.admit()
        except ArchiveUnavailable:
            passed.append(False)
        else:
            passed.append(True)

    threads = [threading.Thread(target=try_it) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(passed) == [False] * 15 + [True]


def test_an_open_circuit_ends_the_attempts(time: Time) -> None:
    breaker = CircuitBreaker("dcm4chee", failures=2, clocks=time.clocks)
    attempts = Attempts(9)
    with pytest.raises(ArchiveUnavailable, match="has not answered since"):
        Resilience(breaker, RetryPolicy(attempts=9), time.clocks).call(attempts, again=always)
    assert attempts.made == 2
