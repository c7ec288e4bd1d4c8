"""A transfer between two archives in memory, with its ledger and its clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.archives.base import ArchiveName, Transport
from orthanc_plugins.identifiers import SopInstanceUid, StudyUid
from orthanc_plugins.store import InstanceState, TransferredInstance, TransferState
from orthanc_plugins.transfers import Commit, Effects, Limiter, SameContent, Transfer, TransferOutcome
from tests.fakes import MemoryArchive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

STUDY = StudyUid("1.2")


class Killed(BaseException):
    """The worker ended here."""


@dataclass
class Ledger:
    """A recorder that keeps what it was told, as the store does across a worker's end.

    ``hook`` is called before anything is written down.
    """

    instances: dict[SopInstanceUid, TransferredInstance] = field(default_factory=dict)
    states: list[TransferState] = field(default_factory=list)
    bytes_sent: int = 0
    hook: Callable[[str], None] = lambda _: None

    def note(self, instances: Sequence[TransferredInstance], *, bytes_sent: int = 0) -> None:
        self.hook("note")
        self.instances.update({one.sop_instance_uid: one for one in instances})
        self.bytes_sent += bytes_sent

    def become(self, state: TransferState) -> None:
        self.hook("become")
        self.states.append(state)

    def in_state(self, state: str) -> set[str]:
        """Return the instances in a state."""
        return {str(uid) for uid, one in self.instances.items() if one.state == state}

    def one(self, uid: str) -> TransferredInstance:
        return self.instances[SopInstanceUid(uid)]


@dataclass
class World:
    """Two archives, a ledger and a clock that only the pauses advance."""

    left: MemoryArchive = field(default_factory=lambda: MemoryArchive(ArchiveName.ORTHANC))
    right: MemoryArchive = field(default_factory=MemoryArchive)
    ledger: Ledger = field(default_factory=Ledger)
    now_s: float = 0.0
    paused: Callable[[], None] = lambda: None
    check: Callable[[], None] = lambda: None
    guard: Callable[[], None] = lambda: None
    same_content: SameContent | None = None
    commit: Commit | None = None
    rate: float | None = None

    def fill(self, count: int, modality: str = "CT", series: str = "1.2.1") -> list[str]:
        """Put instances into the source; return their UIDs."""
        uids = [f"{series}.{number}" for number in range(count)]
        for uid in uids:
            self.left.put(uid, series=series, modality=modality, content=uid.encode() * 10)
        return uids

    def pause(self, seconds: float) -> None:
        self.now_s += seconds
        self.paused()

    def run(self, wanted: Sequence[str] | None = None, *, patient: bool = True) -> TransferOutcome:
        """Transfer the study from left to right, going on from what the ledger holds."""
        transfer = Transfer(
            self.left,
            self.right,
            STUDY,
            Transport.STOW,
            None if wanted is None else [SopInstanceUid(uid) for uid in wanted],
            known=dict(self.ledger.instances),
            patient=patient,
        )
        effects = Effects(
            recorder=self.ledger,
            limiter=Limiter(self.rate, lambda: self.now_s, self.pause),
            check=self.check,
            guard=self.guard,
            pause=self.pause,
            same_content=self.same_content,
            commit=self.commit,
        )
        return transfer.run(effects)

    def assert_true(self) -> None:
        """What the ledger says is so: verified is there, and nothing has come oftener than it left."""
        for uid, one in self.ledger.instances.items():
            assert one.state is not InstanceState.VERIFIED or uid in self.right.held(), uid
            assert self.right.received[uid] <= one.sends, uid


def assert_verified(world: World, uids: Sequence[str]) -> None:
    assert world.ledger.in_state("verified") == set(uids)
    assert world.right.held() == set(uids)
    world.assert_true()


def kill_at(method: str, turn: int) -> Callable[[str], None]:
    """Return a hook that ends the worker at the given call of a method, counted from 1; it calls no more."""
    left = turn

    def hook(called: str) -> None:
        nonlocal left
        if method in {called, "any"} or left <= 0:
            left -= 1
        if left <= 0:
            raise Killed

    return hook


def study_of(world: World) -> list[str]:
    return world.fill(5) + world.fill(2, "RTSTRUCT", "1.2.2")


@pytest.fixture
def world() -> World:
    return World()
