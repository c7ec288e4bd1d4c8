"""Every attribute of the dictionary has a rule, and a kept number no room for more than it is."""

from __future__ import annotations

import pytest
from pydicom._dicom_dict import DicomDictionary

from orthanc_plugins.deid.compiling import compiled
from orthanc_plugins.deid.profile import load_profile

PROFILES = ("basic", "longitudinal", "research_rt", "strict")
BYTES = {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "UL": 4, "US": 2, "UV": 8}
"""Of one value (PS3.5 Table 6.2-1)."""
NO_DATA_SET = (0x0000, 0x0002, 0x0004)
LENGTH_TO_END = 0x00080001


@pytest.mark.parametrize("profile", PROFILES)
def test_every_attribute_has_a_rule(profile: str) -> None:
    assert compiled(load_profile(profile)).rules.keys() == DicomDictionary.keys()


@pytest.mark.parametrize("vr", BYTES)
def test_a_number_has_room_for_as_many_values_as_its_multiplicity_says(vr: str) -> None:
    rules = compiled(load_profile("research_rt")).rules
    found = {
        tag: int(multiplicity)
        for tag, (representation, multiplicity, *_) in DicomDictionary.items()
        if representation == vr
        and multiplicity.isdigit()
        and tag >> 16 not in NO_DATA_SET
        and tag != LENGTH_TO_END
    }
    assert [tag for tag, count in found.items() if rules[tag].longest != count * BYTES[vr]] == []
    assert found
