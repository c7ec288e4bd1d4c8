"""What may be done with an element, one action a module.

Each takes the encoded value and returns the one to write, or None to remove the element; each tells in
``describe()`` what it does, and the README's list is made of that.

Public: `ByType` (X, Z, D of Table E.1-1), `NewUid`, `NewPatient`, `Shifted`, `Capped`, `CleanedText`,
`CleanedRegionName`, `NumberedName`, `CleanedContentText`, `CleanedMeaning`, `CleanedScheme`, `CleanedValue`,
`Terms`, `NumberedLayer`, `BlankedProfile`, `ReplacedDocument`, `ReplacedLength`, `SafeCreator`;
`DOCUMENT_CLASSES`.
"""

from orthanc_plugins.deid.actions.ages import Capped
from orthanc_plugins.deid.actions.by_type import ByType, Removed
from orthanc_plugins.deid.actions.code_strings import NumberedLayer, Terms
from orthanc_plugins.deid.actions.codes import CleanedMeaning, CleanedScheme, CleanedValue
from orthanc_plugins.deid.actions.colour_profiles import BlankedProfile
from orthanc_plugins.deid.actions.content_text import CleanedContentText
from orthanc_plugins.deid.actions.dates import Shifted
from orthanc_plugins.deid.actions.descriptions import CleanedText
from orthanc_plugins.deid.actions.documents import DOCUMENT_CLASSES, ReplacedDocument, ReplacedLength
from orthanc_plugins.deid.actions.patient import NewPatient
from orthanc_plugins.deid.actions.private import SafeCreator
from orthanc_plugins.deid.actions.region_names import CleanedRegionName, NumberedName
from orthanc_plugins.deid.actions.uids import NewUid

__all__ = [
    "DOCUMENT_CLASSES",
    "BlankedProfile",
    "ByType",
    "Capped",
    "CleanedContentText",
    "CleanedMeaning",
    "CleanedRegionName",
    "CleanedScheme",
    "CleanedText",
    "CleanedValue",
    "NewPatient",
    "NewUid",
    "NumberedLayer",
    "NumberedName",
    "Removed",
    "ReplacedDocument",
    "ReplacedLength",
    "SafeCreator",
    "Shifted",
    "Terms",
]
