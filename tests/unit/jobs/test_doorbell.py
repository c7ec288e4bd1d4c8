"""The bell: heard at once, remembered while nobody listens, and never a reason to wait or to fail."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.jobs import Doorbell, Listener
from orthanc_plugins.jobs import polling as queue_polling

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT_ONCE_S, PATIENCE_S = 0.0, 10.0


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    made = Listener(tmp_path, "one")
    yield made
    made.close()


def test_nobody_rings(listener: Listener) -> None:
    assert not listener.wait(AT_ONCE_S)


def test_a_ring_is_kept_until_it_is_heard_and_heard_once(tmp_path: Path, listener: Listener) -> None:
    for _ in range(3):
        Doorbell(tmp_path).ring()
    assert listener.wait(AT_ONCE_S)
    assert not listener.wait(AT_ONCE_S)


def test_a_ring_ends_a_wait(tmp_path: Path, listener: Listener) -> None:
    later = threading.Timer(0.05, Doorbell(tmp_path).ring)
    later.start()
    assert listener.wait(PATIENCE_S)
    later.join()


def test_all_workers_hear_it(tmp_path: Path, listener: Listener) -> None:
    other = Listener(tmp_path, "two")
    Doorbell(tmp_path).ring()
    assert listener.wait(AT_ONCE_S)
    assert other.wait(AT_ONCE_S)
    other.close()


def test_more_rings_than_a_pipe_holds_keep_nobody_waiting(tmp_path: Path, listener: Listener) -> None:
    bell = Doorbell(tmp_path)
    for _ in range(70_000):
        bell.ring()
    assert listener.wait(AT_ONCE_S)


def test_ringing_where_nobody_is_does_nothing(tmp_path: Path) -> None:
    Doorbell(tmp_path / "absent").ring()
    Listener(tmp_path, "gone").close()
    (tmp_path / "bell-file").mkdir()
    Doorbell(tmp_path).ring()
    assert [path.name for path in tmp_path.iterdir()] == ["bell-file"]


def test_a_worker_that_was_killed_finds_its_own_bell_again(tmp_path: Path, listener: Listener) -> None:
    again = Listener(tmp_path, "one")
    Doorbell(tmp_path).ring()
    assert again.wait(AT_ONCE_S)
    again.close()


def test_without_named_pipes_a_worker_listens_to_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deaf = Listener(tmp_path / "absent", "one")
    assert "a little later" in caplog.text
    assert not deaf.wait(AT_ONCE_S)
    deaf.close()


def test_a_job_that_ends_ends_the_pause(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    running = [2, 2, 1]
    monkeypatch.setattr(queue_polling, "_running", lambda _queue: running.pop(0))
    assert not queue_polling._Pause(listener, "queue").wait(PATIENCE_S)
    assert running == []


def test_a_worker_that_ends_pauses_no_more(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_polling, "_running", lambda _queue: 0)
    pause = queue_polling._Pause(listener, "queue")
    pause.stop()
    assert pause.wait(PATIENCE_S)
    assert pause.is_set()
