"""Whatever is done to a file, it is released as the check allows, or refused in words; a name is never left.

Of the planted corpus some hundred files are spoilt, the same in each run: bytes, lengths and value
representations exchanged, pieces cut out, doubled or taken from another file.
"""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.release import Project, State, looking, release, sorted_studies
from tests.builders.planted import build_corpus
from tests.unit.deid.pixels.pictures import LightFinder

if TYPE_CHECKING:
    from pathlib import Path

    from tests.builders.planted import Corpus

SEEDS = 12
EACH = 20
REPRESENTATION = re.compile(rb"(?:AE|AS|CS|DA|DS|DT|FD|FL|IS|LO|LT|OB|OW|PN|SH|SQ|ST|TM|UI|UL|UN|US|UT)")
REPRESENTATIONS = (
    b"PN",
    b"SQ",
    b"UN",
    b"OB",
    b"UI",
    b"DA",
    b"DS",
    b"UT",
    b"US",
    b"FD",
    b"CS",
    b"XX",
    b"\0\0",
)
LENGTHS = (b"\0\0", b"\1\0", b"\xff\xff", b"\xfe\xff", b"\4\0")
MARKS = (b"\xfe\xff\x00\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0", b"\xff\xff\xff\xff", b"\0\0\0\0")
FIRST = 132
"""Where the first element of a file begins."""


@pytest.fixture(autouse=True)
def _blind_finder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "rapid_finder", lambda: LightFinder(is_blind=True))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return build_corpus(tmp_path_factory.mktemp("corpus"))


def spoilt(rng: random.Random, whole: bytes, other: bytes) -> bytes:
    """Return a file with one to three faults, most of them in its header."""
    data = bytearray(whole)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(FIRST, min(len(data), 3000))
        heads = [found.start() for found in REPRESENTATION.finditer(data, FIRST, 20_000)]
        head = rng.choice(heads)
        match rng.randrange(8):
            case 0 | 1:
                data[at] = rng.randrange(256)
            case 2:
                data[head : head + 2] = rng.choice(REPRESENTATIONS)
            case 3:
                data[head + 2 : head + 4] = rng.choice(LENGTHS)
            case 4:
                data[head + 4 : head + 5] = rng.choice((b"\0", b"\\", b"\x1b", b"\xff"))
            case 5:
                data[at : at + 4] = rng.choice(MARKS)
            case 6:
                del data[at : at + rng.choice((1, 2, 8, 20))]
            case _:
                taken = rng.randrange(FIRST, len(other))
                data[at:at] = other[taken : taken + 40]
    return bytes(data)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_spoilt_object_is_released_without_identity_or_refused_in_words(
    seed: int, corpus: Corpus, project: Project, tmp_path: Path
) -> None:
    rng = random.Random(seed)
    files = [file for file in sorted(corpus.files) if corpus.path(file).stat().st_size < 100_000]
    for number in range(EACH):
        file, other = rng.choice(files), rng.choice(files)
        folder = tmp_path / f"{number}"
        folder.mkdir()
        given = spoilt(rng, corpus.path(file).read_bytes(), corpus.path(other).read_bytes())
        (folder / "given.dcm").write_bytes(given)
        told, content = outcome_of(folder, project)
        names = [plant.value for plant in corpus.plants if plant.file == file and plant.kind == "name"]
        assert told, (file, number)
        for name in names:
            assert name not in told
            assert name.encode() not in content, (file, number)


def outcome_of(folder: Path, project: Project) -> tuple[str, bytes]:
    """Return what is said of the one file of a folder, and what was released of it."""
    found = sorted_studies([folder])
    if not found.studies:
        return found.faults[0].reason, b""
    project.settle(found.studies[0])
    outcome = release(found.studies[0], project, folder / "out")
    written = [path.read_bytes() for path in (folder / "out").rglob("*") if path.is_file()]
    if outcome.state is not State.RELEASED:
        assert written == []
        return outcome.reason, b""
    assert outcome.check is not None
    assert outcome.check.passed
    return "released", b"".join(written)
