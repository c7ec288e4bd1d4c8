"""Two real archives side by side, on free ports, with all their state in one folder."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.postgresql import Postgres
from tests.standin import running_plain_orthanc, running_standin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.standin import PlainOrthanc, StandIn

_CONNECTIONS = 12
"""Of each Orthanc to PostgreSQL, for the threads that fill it."""


@dataclass(frozen=True)
class Pair:
    """Orthanc on the left, what plays DCM4CHEE on the right; ``server`` is None when all is in SQLite."""

    folder: Path
    orthanc: PlainOrthanc
    dcm4chee: StandIn
    server: Postgres | None

    @property
    def urls(self) -> dict[str, str]:
        """REST roots of the Orthancs of both sides; what is done to the right one goes past its shim."""
        return {"left": self.orthanc.url, "right": self.dcm4chee.orthanc_url}


@contextmanager
def running_pair(folder: Path, *, sqlite: bool, filling: bool = False) -> Iterator[Pair]:
    """Run both with what they kept in a folder that others can reach.

    Their indexes and the suite's store are in PostgreSQL, or in SQLite where that is asked for. While they
    are filled, nothing waits for the disk and no series is looked at again when nothing more comes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        server = None if sqlite else _postgres(folder / "postgresql", running)
        quick: dict[str, Any] = {"SyncStorageArea": False, "StableAge": 86_400} if filling else {}
        left, right = (
            quick if server is None else quick | _index(server, name) for name in ("orthanc", "dcm4chee")
        )
        orthanc = running.enter_context(running_plain_orthanc(folder / "orthanc", **left))
        dcm4chee = running.enter_context(running_standin(folder / "dcm4chee", orthanc=right))
        yield Pair(folder, orthanc, dcm4chee, server)


def _postgres(folder: Path, running: ExitStack) -> Postgres:
    folder.mkdir(parents=True, exist_ok=True)
    server = Postgres(folder)
    running.callback(server.close)
    return server


def _index(server: Postgres, name: str) -> dict[str, Any]:
    return server.orthanc_index(name, IndexConnectionsCount=_CONNECTIONS, Lock=False)
