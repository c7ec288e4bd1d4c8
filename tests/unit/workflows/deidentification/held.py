"""A study one of whose images says that a person can be recognised, and has a text in its pixels."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from orthanc_plugins.rules.holds import Decide, Why
from orthanc_plugins.store import DecisionRecord
from tests.builders import ImageFrame, build_case
from tests.unit.release.studies import ANNE

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

    from orthanc_plugins.store import HeldRecord
    from tests.unit.workflows.deidentified import Rig

LIGHT = 3000


def held_objects() -> list[FileDataset]:
    case = build_case(frame=ImageFrame(size=(3, 64, 64)), regions=2, identity=ANNE)
    first = case.images[0]
    first.RecognizableVisualFeatures = "YES"
    values = first.pixel_array.copy()
    values[:] = 0
    values[5:12, 8:40] = LIGHT
    first.PixelData = values.tobytes()
    return [*case.images, case.structure_set]


def held_in(rig: Rig) -> HeldRecord:
    """Return the only object that the release waits for."""
    (one,) = rig.services.store.held.page(rig.release().release_id).entries
    return one


def decide(rig: Rig, what: Decide, **more: Any) -> None:
    one = held_in(rig)
    made = DecisionRecord(
        one.sop_instance_uid,
        one.content,
        what,
        one.holds,
        Why.NO_IDENTITY,
        "ann",
        datetime(2026, 11, 30, tzinfo=UTC),
        **more,
    )
    rig.services.store.held.decide(rig.release().release_id, made)
