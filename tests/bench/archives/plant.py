"""Which studies differ between the two sides, and how: one of a hundred in each way.

The study of a number differs as the last two digits of its number say, and on which side, as the digit before
them says; so nothing is kept, and whoever compares can be asked about every study.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.store import InventoryDifference
from orthanc_plugins.sync.differences import DifferenceClass
from tests.bench.archives import alterations as alter
from tests.bench.archives.studies import GeneratedStudy

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.bench.archives.alterations import Alteration
    from tests.bench.archives.studies import GeneratedFile

type Side = Literal["left", "right", "both"]

_MISSING = {"left": DifferenceClass.MISSING_LEFT, "right": DifferenceClass.MISSING_RIGHT}
_ONLY = {"left": InventoryDifference.ONLY_RIGHT, "right": InventoryDifference.ONLY_LEFT}


@dataclass(frozen=True)
class Plant:
    """A way in which the two copies of a study differ, or only seem to.

    Parameters
    ----------
    kind
        The class of the difference, None where there is none: the copies are written in different ways and
        say the same. Of what is missing, the class follows from the side.
    listed
        How it shows in the inventories, None where only content tells.
    side
        Whose copy is altered, None where it alternates; ``both`` where the archive itself makes the
        difference.
    """

    name: str
    alteration: Alteration
    kind: DifferenceClass | Literal["missing"] | None
    listed: InventoryDifference | Literal["only"] | None = None
    side: Side | None = None


_COUNT, _ATTRIBUTES = InventoryDifference.COUNT, InventoryDifference.ATTRIBUTES
_METADATA, _COERCED = DifferenceClass.METADATA, DifferenceClass.COERCED
_SYNTAX, _PIXEL = DifferenceClass.TRANSFER_SYNTAX_ONLY, DifferenceClass.PIXEL
_IMAGES = ("CT", "MR")
_NEW_DESCRIPTION = alter.coerced("StudyDescription", "Thorax nativ")
_NEW_PROTOCOL = alter.coerced("ProtocolName", "CT 7")

PLANTS: dict[int, Plant] = {
    1: Plant("study missing left", alter.nothing, "missing", "only", "left"),
    2: Plant("study missing right", alter.nothing, "missing", "only", "right"),
    5: Plant("series missing", alter.without_last_series, "missing", _COUNT),
    3: Plant("instance missing", alter.without_image, "missing", _COUNT),
    4: Plant("instance listed twice", alter.with_image_twice, DifferenceClass.COUNT, _COUNT, "left"),
    6: Plant("study attribute", alter.in_all(alter.study_attribute), _METADATA, _ATTRIBUTES),
    7: Plant("instance attribute", alter.in_image(alter.instance_attribute), _METADATA),
    8: Plant("attribute absent", alter.in_image(alter.absent), _METADATA),
    9: Plant("nested attribute", alter.in_image(alter.nested), _METADATA),
    11: Plant("private attribute", alter.in_image(alter.private), _METADATA),
    20: Plant("series attribute", alter.of_modalities(alter.series_attribute, "CT"), _METADATA),
    14: Plant("private bytes", alter.in_image(alter.private_bytes), _METADATA),
    10: Plant("contour moved", alter.of_modalities(alter.contour_moved, "RTSTRUCT"), _METADATA),
    15: Plant("region renamed", alter.of_modalities(alter.region_renamed, "RTSTRUCT"), _METADATA),
    12: Plant("study attribute coerced", alter.in_all(_NEW_DESCRIPTION), _COERCED, _ATTRIBUTES),
    13: Plant("instance attribute coerced", alter.in_image(_NEW_PROTOCOL), _COERCED),
    21: Plant("coerced by dcm4chee", alter.in_image(alter.another_station), _COERCED, side="both"),
    16: Plant("coded by RLE", alter.of_modalities(alter.run_length, *_IMAGES), _SYNTAX),
    17: Plant("coded by JPEG 2000", alter.of_modalities(alter.jpeg_2000, *_IMAGES), _SYNTAX),
    18: Plant("one pixel", alter.in_image(alter.one_voxel), _PIXEL),
    19: Plant("one pixel, coded by RLE", alter.in_image(alter.one_voxel_and_run_length), _PIXEL),
    30: Plant("same, other character set", alter.in_all(alter.other_character_set), None),
    31: Plant("same, other padding", alter.in_all(alter.other_writing), None),
    32: Plant("same, other lengths", alter.in_all(alter.other_lengths), None),
    33: Plant("same, implicit VR", alter.in_all(alter.implicit), None),
    34: Plant("same, other meta information", alter.in_all(alter.other_meta), None),
    35: Plant("same, a change recorded", alter.in_all(alter.recorded), None),
}
"""By the last two digits of the number; those of structure sets stand where every fifth study has one."""


def plant_of(number: int) -> Plant | None:
    """Return how the copies of the study of a number differ, None where they are the same to the byte."""
    return PLANTS.get(number % 100)


def side_of(number: int) -> Side:
    """Return whose copy of the study of a number is altered."""
    plant = plant_of(number)
    assert plant is not None, "it is not altered"
    return plant.side or ("left" if number // 100 % 2 else "right")


def files_of(number: int, side: str) -> list[GeneratedFile]:
    """Return the files that a side holds of the study of a number."""
    files = list(GeneratedStudy(number).files())
    plant = plant_of(number)
    altered = plant is not None and side_of(number) in {side, "both"}
    return plant.alteration(files) if plant is not None and altered else files


def expected_class(number: int) -> DifferenceClass | None:
    """Return the class of the difference of the study of a number, None where there is none."""
    plant = plant_of(number)
    if plant is None or plant.kind is None:
        return None
    return _MISSING[side_of(number)] if plant.kind == "missing" else plant.kind


def expected_listing(number: int) -> InventoryDifference | None:
    """Return what the inventories alone tell of the study of a number, None where they agree."""
    plant = plant_of(number)
    if plant is None or plant.listed is None:
        return None
    return _ONLY[side_of(number)] if plant.listed == "only" else plant.listed


def planted(numbers: Iterable[int]) -> Iterator[tuple[str, Side, str, DifferenceClass | None]]:
    """Yield what was planted where: the study's UID, the side, in words, and the class to be found."""
    for number in numbers:
        if (plant := plant_of(number)) is not None:
            yield GeneratedStudy(number).uid, side_of(number), plant.name, expected_class(number)
