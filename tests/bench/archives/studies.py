"""Studies by their numbers: whatever was made, what study 4711 holds can be said without remembering it.

Three CT images of 32 by 32 (the least that JPEG 2000 takes) in every study, half of them with 12 bits
stored; in every fifth a structure set, in every sixth MR images, in every seventh a report. A patient has two
or three studies. Names are of many scripts and data sets of three character sets; some have no date.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from tests.bench.archives.encoded import numbered_uid
from tests.bench.archives.templates import series_kinds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.bench.archives.templates import SeriesKind

_NAMES = (
    ("ISO_IR 192", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    ("ISO_IR 100", "Müller^Jürgen"),
    ("ISO_IR 192", "Adams^John Robert Quincy^^Rev.^B.A. M.Div."),
    ("ISO_IR 144", "Иванов^Пётр"),
    ("ISO_IR 192", "Σωτηρίου^Άννα"),
    ("ISO_IR 100", "O'Brien^Seán"),
    ("ISO_IR 192", "Hong^Gildong=洪^吉洞=홍^길동"),
    ("ISO_IR 192", "Doe^Jane"),
)
_ENCODINGS = {"ISO_IR 192": "utf-8", "ISO_IR 100": "latin-1", "ISO_IR 144": "iso8859-5"}
_DESCRIPTIONS = ("Thorax", "Abdomen/Becken", "RT Planung", "")
_PHYSICIANS = ("Gray^Harold", "")
_FIRST_DAY = date(2015, 1, 1)
_DAYS = 4200
STRUCTURES_EVERY = 5
MR_EVERY = 6
REPORT_EVERY = 7


@dataclass(frozen=True)
class GeneratedFile:
    """One file of a study, and what it is told by."""

    sop_instance_uid: SopInstanceUid
    series_uid: SeriesUid
    modality: str
    content: bytes


@dataclass(frozen=True)
class GeneratedStudy:
    """The study of a number, from 0 to 99,999,999."""

    number: int

    @property
    def uid(self) -> StudyUid:
        """Its Study Instance UID."""
        return StudyUid(numbered_uid(self.number, 0))

    @property
    def patient(self) -> int:
        """Number of its patient."""
        return self.number * 2 // 5

    @property
    def character_set(self) -> str:
        """Specific Character Set (0008,0005) of its data sets."""
        return _NAMES[self.patient % len(_NAMES)][0]

    @property
    def encoding(self) -> str:
        """Python's name of the character set."""
        return _ENCODINGS[self.character_set]

    @property
    def attributes(self) -> Mapping[str, str | None]:
        """Attributes of patient and study by keyword; None is absent."""
        day = (_FIRST_DAY + timedelta(self.number * 37 % _DAYS)).strftime("%Y%m%d")
        no_date: Mapping[int, str | None] = {5: "", 11: None}
        return {
            "PatientID": f"P{self.patient:07d}",
            "PatientName": _NAMES[self.patient % len(_NAMES)][1],
            "PatientBirthDate": "" if self.patient % 9 == 0 else f"19{self.patient % 90 + 10}0315",
            "PatientSex": "FMO"[self.patient % 3],
            "StudyDate": no_date.get(self.number % 17, day),
            "StudyTime": f"{self.number % 24:02d}3015",
            "StudyID": str(self.number),
            "AccessionNumber": "" if self.number % 13 == 0 else f"A{self.number:09d}",
            "StudyDescription": _DESCRIPTIONS[self.number % len(_DESCRIPTIONS)],
            "ReferringPhysicianName": _PHYSICIANS[self.number % len(_PHYSICIANS)],
        }

    @property
    def series(self) -> tuple[SeriesKind, ...]:
        """Kinds of its series."""
        names = ["ct12" if self.number % 2 else "ct"]
        names += ["structures"] if self.number % STRUCTURES_EVERY == 0 else []
        names += ["mr"] if self.number % MR_EVERY == 1 else []
        names += ["report"] if self.number % REPORT_EVERY == 3 else []
        kinds = series_kinds(self.character_set)
        return tuple(kinds[name] for name in names)

    @property
    def instance_count(self) -> int:
        """How many instances it holds."""
        return sum(len(kind.files) for kind in self.series)

    def files(self) -> Iterator[GeneratedFile]:
        """Yield its files, images before what refers to them."""
        attributes = {"SpecificCharacterSet": self.character_set, **self.attributes}
        marked = struct.pack("<HH", self.number & 0xFFF, self.number >> 12 & 0xFFF)
        for kind in self.series:
            for place, file in enumerate(kind.files, 1):
                content = file.file(self.number, attributes, self.encoding, marked if kind.pixels else b"")
                yield GeneratedFile(
                    SopInstanceUid(numbered_uid(self.number, 1000 * kind.number + place)),
                    SeriesUid(numbered_uid(self.number, 1000 * kind.number)),
                    kind.modality,
                    content,
                )
