"""Attributes that machines fill and policies keep, in which somebody wrote who the patient is."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from pydicom.uid import MRImageStorage

from tests.builders.planted.parts import code, item, pixels, put, slope
from tests.builders.planted.people import new_object

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from tests.builders.planted.ledger import Ledger
    from tests.builders.planted.people import Patient, Visit

_SAFE = "Philips Imaging DD 001"
"""A creator whose attributes Table E.3.10-1 of PS3.15 lists as safe, if they hold what it says."""


def add_echoes(ledger: Ledger, visit: Visit) -> None:
    """Write an MR slice that repeats its patient's name, number and dates where settings stand."""
    made = new_object(ledger.tokens, visit, MRImageStorage, "echo", modality="MR")
    pixels(made, slope(8, 8))
    _technical(made, visit)
    _coded(made, visit.patient)
    _safe_private(made, visit.patient)
    ledger.add("malformed/echo.dcm", made)


def _technical(made: Dataset, visit: Visit) -> None:
    patient = visit.patient
    given, born = patient.name.split("^")[1], patient.birth_date
    for tag, representation, value in (
        (0x00081090, "LO", f"Model for {patient.surname}"),
        (0x00181020, "LO", f"3.1\\{patient.surname.lower()}"),
        (0x00181030, "LO", f"Head {given.upper()} {patient.surname.upper()} T2; {made.ProtocolName}"),
        (0x0008103E, "LO", f"t2_tse_{patient.surname.lower()}_tra {made.SeriesDescription}"),
        (0x00081030, "LO", f"MRT Kopf {born[6:]}.{born[4:6]}.{born[:4]}"),
        (0x00180024, "SH", f"*tse {patient.patient_id}"),
        (0x00181210, "SH", f"B30f {patient.surname}"),
        (0x00181160, "SH", f"{born}"),
        (0x00281055, "LO", f"window of {given}"),
        (0x00281054, "LO", f"HU {patient.patient_id}"),
        (0x00185100, "CS", "HFS"),
        (0x00204000, "LT", f"{given} {patient.surname}, {born[:4]}-{born[4:6]}-{born[6:]}"),
        (0x00180010, "LO", f"Gd 10 ml, {visit.date}"),
        (0x00181400, "LO", f"filtered for {patient.surname}, {given}"),
    ):
        put(made, tag, representation, value)


def _coded(made: Dataset, patient: Patient) -> None:
    """Put in codes of a public scheme whose meanings are not the scheme's."""
    head = code("69536005", "SCT", f"Head of {patient.surname}")
    head.CodingSchemeVersion = patient.patient_id
    made.AnatomicRegionSequence = [head]
    made.ViewCodeSequence = [code(f"X{patient.patient_id}", "DCM", "Axial")]
    made.CodingSchemeIdentificationSequence = [
        item(CodingSchemeDesignator="99HOUSE", CodingSchemeName=f"Codes of {patient.surname}")
    ]


def _safe_private(made: Dataset, patient: Patient) -> None:
    """Put in listed elements in an unusual block: a number, a name, a name where a number belongs."""
    put(made, 0x20010045, "LO", _SAFE)
    put(made, 0x20014503, "FL", struct.pack("<f", 1000))
    put(made, 0x20014587, "SH", patient.surname)
    put(made, 0x20014509, "LO", patient.surname)
    put(made, 0x20014601, "FL", patient.surname)  # block 46 is nobody's
