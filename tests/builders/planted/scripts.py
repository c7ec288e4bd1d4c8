"""A person in each script, in the character set that their hospital uses (PS3.5 6.1, H, I, J)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from pydicom.uid import SecondaryCaptureImageStorage

from tests.builders.planted.parts import item, pixels, slope
from tests.builders.planted.people import new_object, new_patient, new_visit

if TYPE_CHECKING:
    from tests.builders.planted.ledger import Ledger


_SHORTEST = 6
"""Bytes; shorter parts of a name are found by chance."""


class _Script(NamedTuple):
    label: str
    character_set: list[str]
    name: str
    codecs: tuple[str, ...]
    """How the parts of the name may lie in the file, escape sequences aside."""


_SCRIPTS = (
    _Script("default", [], "Featherstonehaugh^Marmaduke", ("ascii",)),
    _Script("latin1", ["ISO_IR 100"], "Grünwäldler^Ännelieschen", ("latin-1",)),
    _Script("cyrillic", ["ISO_IR 144"], "Кузнечихин^Ратибор", ("iso8859_5",)),
    _Script("greek", ["ISO_IR 126"], "Παπαδιαμαντής^Ευστράτιος", ("iso8859_7",)),
    _Script(
        "japanese",
        ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        "ﾃｼｶﾞﾜﾗ^ﾏｻ=勅使河原^正=てしがわら^まさ",
        ("shift_jis", "iso2022_jp"),
    ),
    _Script(
        "korean",
        ["", "ISO 2022 IR 149"],
        "Hwangbodae^Ga=皇甫大^佳=황보대감^가",
        ("ascii", "euc_kr"),
    ),
    _Script("chinese", ["GB18030"], "Sikongtu^Zhaolong=司空图^照龙龙", ("gb18030",)),
    _Script("unicode", ["ISO_IR 192"], "Þórðardóttir^Snæfríður=欧阳修^娜娜娜", ("utf-8",)),
)


def add_scripts(ledger: Ledger) -> None:
    """Write an object of each; the family name stands in a text, too."""
    for number, script in enumerate(_SCRIPTS):
        tokens = ledger.tokens
        for part in script.name.replace("=", "^").split("^"):
            if len(encodings := _encodings(part, script.codecs)) and len(encodings[0]) >= _SHORTEST:
                tokens.issue("name", part, *encodings)
        patient = new_patient(tokens, born=1960 + number, sex="O", name=script.name)
        visit = new_visit(tokens, patient, f"script {script.label}", year=2010 + number)
        made = new_object(tokens, visit, SecondaryCaptureImageStorage, "sc", modality="OT")
        if script.character_set:
            made.SpecificCharacterSet = script.character_set
        else:
            del made.SpecificCharacterSet
        made.update(
            item(
                PatientComments=f"{patient.surname} {patient.other.PatientComments}",
                ConversionType="WSD",
                PatientOrientation="",
            )
        )
        pixels(made, slope(8, 8).astype("u2"))
        ledger.add(f"scripts/{script.label}.dcm", made)


def _encodings(part: str, codecs: tuple[str, ...]) -> list[bytes]:
    """Return the bytes of a part in every codec that has its letters, without escape sequences."""
    found = []
    for codec in codecs:
        try:
            data = part.encode(codec)
        except UnicodeEncodeError:
            continue
        found.append(data.removeprefix(b"\x1b$B").removesuffix(b"\x1b(B"))
    return found
