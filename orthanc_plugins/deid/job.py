"""What is known while one instance is de-identified."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from orthanc_plugins.pseudonyms import Pseudonyms


@dataclass(slots=True)
class Job:
    """One instance on its way.

    Parameters
    ----------
    pseudonyms
        Of the project.
    patient
        The patient's pseudonym: new Patient's Name and Patient ID.
    days
        By which dates are moved; negative is into the past. A multiple of seven.
    echoes
        Whether a text repeats something of the patient's or the staff's identity.
    echoes_initials
        The same, or their initials, which short names of regions hold.
    """

    pseudonyms: Pseudonyms
    patient: str
    days: int
    echoes: Callable[[str], bool]
    echoes_initials: Callable[[str], bool]
    region_types: Mapping[int, str] = field(default_factory=dict)
    """RT ROI Interpreted Type (3006,00A4) by ROI Number."""
    region_names: Collection[str] = ()
    """Names of regions and labels of segments as they would be written if they stay."""
    birth_date: str = ""
    """Patient's Birth Date (0010,0030) as it is written."""
    cleaned: dict[tuple[bytes, bytes, bytes], bytes] = field(default_factory=dict)
    """What was made of texts before, by VR, Specific Character Set and value."""
    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    """The new one."""
    numbers: dict[int, int] = field(default_factory=dict)
    """Rows, columns and what else tells the size of the pixels, by tag; of the top level alone."""
    layers: dict[bytes, int] = field(default_factory=dict)
    """Numbers of graphic layers whose names may not stay."""
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often each action was taken, by what was done and the attribute's tag."""
