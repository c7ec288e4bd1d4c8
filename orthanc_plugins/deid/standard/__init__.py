"""What DICOM says of confidentiality, as data (PS3.15 annex E), and what must be said beside it.

Public: `Row`, `read_rows` and `confidentiality_rows` (Table E.1-1), `Option` (its columns), `attribute_type`
(what settles X/Z/D), `SafePrivate` and `safe_private` (Table E.3.10-1), `MethodCode` and `method_code` (CID
7050), `registered_uids`, `EDITION`. Module ``supplement`` holds what Table E.1-1 leaves out.

How the tables came about
-------------------------
``e1_1.tsv``
    Edition 2024b as published by innolitics/dicom-standard, 36 rows added and three changed as
    ``scripts/lib/deid_tables.py`` lists, which writes the file. The rows have the SHA-256 that PyMedPhys
    states for those it took from NEMA's page of 2026d: they are the table of 2026d to the letter.
``iod_types.tsv``, ``iod_modules.tsv``
    PS3.3 of 2026b as published with highdicom 0.28.2, written by the same script for attributes whose basic
    action is a choice or ``Z`` here or in ``supplement.tsv``. Six modules of waveforms are missing there.
``safe_private.tsv``, ``codes.tsv``
    Written by hand after PyMedPhys' tables of 2026d, and proven by their SHA-256 in the same way.
``registered_uids.tsv``
    PS3.6 annex A after pydicom 3.0.2, PS3.16 Tables 8-1 and 8-2 of 2026d by hand.

Decisions
---------
2026-11-30  The newest edition wins. Ethnic Group (0010,2160) was retired and Requesting Service (0032,1033)
            got Clean Descriptors after 2024b; of what 2024b has, nothing else but a capital letter changed.
2026-11-30  An attribute at a place where PS3.3 does not have it has no Type here, unless it is of Type 3
            everywhere: it may be an addition of Type 3 (PS3.2 7.3), or the published table has a gap. Who
            asks decides what is safe.
"""

from orthanc_plugins.deid.standard.attribute_types import AttributeType, attribute_type
from orthanc_plugins.deid.standard.codes import MethodCode, method_code, registered_uids
from orthanc_plugins.deid.standard.safe_private_attributes import SafePrivate, safe_private
from orthanc_plugins.deid.standard.tables import (
    ACTIONS,
    COLUMNS,
    EDITION,
    PRIVATE,
    Option,
    Row,
    confidentiality_rows,
    read_rows,
)

__all__ = [
    "ACTIONS",
    "COLUMNS",
    "EDITION",
    "PRIVATE",
    "AttributeType",
    "MethodCode",
    "Option",
    "Row",
    "SafePrivate",
    "attribute_type",
    "confidentiality_rows",
    "method_code",
    "read_rows",
    "registered_uids",
    "safe_private",
]
