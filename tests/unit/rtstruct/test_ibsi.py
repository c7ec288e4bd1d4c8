"""The digital phantom of the Image Biomarker Standardisation Initiative, value by value."""

from __future__ import annotations

import pytest

from tests.ibsi import DIGITAL_PHANTOM, agrees, digital_phantom, features

SPACING_MM = (2.0, 2.0, 2.0)


@pytest.mark.parametrize("feature", DIGITAL_PHANTOM)
def test_the_digital_phantom_has_the_reference_value(feature: str) -> None:
    grey, mask = digital_phantom()
    found = features(mask, grey, mask, SPACING_MM)[feature]
    assert agrees(found, DIGITAL_PHANTOM[feature]), (found, DIGITAL_PHANTOM[feature])
