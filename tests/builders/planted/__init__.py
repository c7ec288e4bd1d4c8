"""A corpus of identities: every place that can hold one holds one that occurs nowhere else.

`build_corpus` writes linked studies of invented patients and returns a `Corpus`, its key: what was planted
where (`Plant`), what de-identification must leave as it is (`Kept`, `Region`, `Interval`), what refers to
what (`Reference`), and files that may be refused (`Hostile`). ``python -m tests.builders.planted OUTPUT``
writes it, and the key as ``key.json``.

Decisions
---------
2026-11-30  The key is read off the files: values come from one source that remembers them, and the ledger
            walks the bytes it has written and looks for them. No location is typed by hand but where walking
            does not lead: pictures, codestreams, streams of a PDF.
2026-11-30  UIDs are not of the 2.25 branch: their parts have seven digits, so no date of eight is in one.
2026-11-30  A moment (DT) is known by its day alone: keeping the day and changing the time is a leak.
"""

from tests.builders.planted.build import build_corpus
from tests.builders.planted.key import Age, Corpus, Hostile, Interval, Kept, Plant, Reference, Region

__all__ = [
    "Age",
    "Corpus",
    "Hostile",
    "Interval",
    "Kept",
    "Plant",
    "Reference",
    "Region",
    "build_corpus",
]
