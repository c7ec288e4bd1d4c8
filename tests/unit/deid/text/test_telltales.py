"""Forms that tell of a person in texts that machines write."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.text import reaches_somebody


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith",
        "DR. SMITH",
        "Dr Smith CT",
        "Prof. Dr. med. Huber",
        "Herr Schmidt",
        "HERR SCHMIDT",
        "Frau_Meier",
        "Mme Dupont",
        "se\xf1ora Lopez",
        "anna@example.org",
        "see www.example.org",
        "https://example.org/a",
        "+49 931 20128844",
        "(555) 123-4567",
        "555-123-4567",
        "0931/20128844",
        "Tel. 20128844",
        "Smith^John",
        "reviewed by AB",
        "CT scanned_by_Anna",
        "C:\\Users\\anna",
        "/home/anna/x",
        "Sm\u0456th",
        "Iv\u0430nov",
        "\u039cartin",
    ],
)
def test_what_tells_of_a_person(text: str) -> None:
    assert reaches_somebody(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIEMENS",
        "GE MEDICAL SYSTEMS",
        "B.Braun",
        "syngo CT VA48A",
        "27.1.0.1234567",
        "5.3.1\\5.3.1.0",
        "A\\\\B",
        "LX\\MR Software release:DV25.0_R02_1549.b",
        "VB20P 20190311",
        "02-03-2019",
        "1.2.840.113619.6.408",
        "1.4.3.2 (2011-09-01)",
        "V6.00.12 0344",
        "CE 0123",
        "DR Detector",
        "MR",
        "*tfl2d1",
        "HEAD^",
        "C:HEA;HEP",
        "kVp 120/140",
        "Bf37f\\3",
        "\u03bc-map",
        "\u0391\u03b8\u03ae\u03bd\u03b1",
        "101010100000000",
    ],
)
def test_products_versions_and_techniques_do_not(text: str) -> None:
    assert not reaches_somebody(text)
