"""A pair of archives that hold the studies of the numbers from 0 on, filled once and used again."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests.bench.archives.filling import Filler
from tests.bench.archives.pair import running_pair
from tests.bench.archives.plant import files_of, planted
from tests.stack import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.bench.archives.pair import Pair

_MARK = "filled.json"
_PLANTED = "planted.csv"
"""The list of what was planted where, for whoever looks into kept archives."""
_GENERATORS = ("alterations", "encoded", "plant", "studies", "templates")
"""Modules that decide what the studies are: when one changes, archives are filled anew."""
_TIMEOUT_S = 60.0


@contextmanager
def filled_pair(folder: Path, studies: int, *, sqlite: bool) -> Iterator[Pair]:
    """Run two archives that hold so many studies; they are filled when the folder holds others or none.

    Raises
    ------
    FileExistsError
        The folder holds something else.
    """
    mark = folder / _MARK
    wanted = {"studies": studies, "sqlite": sqlite, "generators": _digest()}
    if not mark.exists():
        seconds = _fill(folder, wanted)
        with (folder / _PLANTED).open("w", encoding="utf-8", newline="") as listed:
            csv.writer(listed).writerows(planted(range(studies)))
        mark.write_text(json.dumps({**wanted, "seconds": seconds}), encoding="utf-8")
    told = json.loads(mark.read_text(encoding="utf-8"))
    if {key: told[key] for key in wanted} != wanted:
        raise FileExistsError(f"{folder} holds other studies than those asked for: remove it.")
    print(f"{studies} studies, filled in {told['seconds']:.0f} s", flush=True)
    with running_pair(folder, sqlite=sqlite) as pair:
        yield pair


def _fill(folder: Path, wanted: Mapping[str, Any]) -> float:
    """Fill both archives and wait until what plays DCM4CHEE has all in its own index.

    Returns the seconds that took; of what was begun before and cut off, those of the rest.
    """
    begun = folder / "begun.json"
    if not begun.exists():
        if folder.exists() and any(folder.iterdir()):
            raise FileExistsError(f"{folder} holds something else.")
        folder.mkdir(parents=True, exist_ok=True)
        begun.write_text(json.dumps(wanted), encoding="utf-8")
    if json.loads(begun.read_text(encoding="utf-8")) != wanted:
        raise FileExistsError(f"{folder} was begun to be filled with other studies: remove it.")
    with running_pair(folder, sqlite=wanted["sqlite"], filling=True) as pair:
        began = time.perf_counter()
        Filler(pair.urls, _contents, folder).fill(range(wanted["studies"]))
        held = requests.get(f"{pair.urls['right']}/statistics", timeout=_TIMEOUT_S).json()["CountInstances"]
        eventually(lambda: _listed(pair) == held, "DCM4CHEE lists what its Orthanc holds", within_s=3600)
        return time.perf_counter() - began


def _contents(number: int, side: str) -> Iterator[bytes]:
    return (file.content for file in files_of(number, side))


def _listed(pair: Pair) -> Any:
    return requests.get(f"{pair.dcm4chee.url}/instances/count", timeout=_TIMEOUT_S * 60).json()["count"]


def _digest() -> str:
    """Return what tells the code that makes the studies from an older one."""
    content = b"".join(Path(__file__).with_name(f"{name}.py").read_bytes() for name in _GENERATORS)
    return hashlib.sha256(content).hexdigest()[:16]
