# ruff: noqa: INP001 - Orthanc loads the file by itself; a package here would be on its path
"""Runs within the Orthanc behind the stand-in: refuses C-STORE of objects that were rejected for good.

Orthanc's Python plugin loads this file by itself, so it imports nothing of this package.
"""

import json

import orthanc

_SUBSEQUENT_OCCURRENCE_OF_REJECTED_OBJECT = 0xA771
_REFUSED_AGAIN = {"113037^DCM", "113038^DCM"}
"""Rejected for patient safety, or because of an incorrect worklist entry."""


def refuse(instance: orthanc.DicomInstance) -> int:
    """Return the status of C-STORE-RSP with which an object is refused, 0 for all others."""
    uid = json.loads(instance.GetInstanceSimplifiedJson())["SOPInstanceUID"]
    for found in json.loads(orthanc.RestApiPost("/tools/lookup", uid)):
        if found["Type"] == "Instance":
            told = json.loads(orthanc.RestApiGet(f"/instances/{found['ID']}/metadata?expand"))
            if told.get("Rejected") in _REFUSED_AGAIN:
                return _SUBSEQUENT_OCCURRENCE_OF_REJECTED_OBJECT
    return 0


orthanc.RegisterIncomingCStoreInstanceFilter(refuse)
