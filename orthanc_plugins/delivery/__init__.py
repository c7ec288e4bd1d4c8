"""Released studies on their way to researchers: sent, asked back, compared, and only then delivered.

What is handed in (`Parcel`) was de-identified and checked before; a `Destination` takes it, tells by which
labels it is found there, and returns a `Delivery` only when what is stored there was looked at again.

Public: the records and the protocol of ``parcel``; `XnatDestination` (a project of XNAT),
`FolderDestination`, `ArchiveDestination` (an Orthanc, or an archive of DICOMweb).

Decisions
---------
2026-11-30  Delivering twice is harmless: a destination looks first at what it holds already, and never sends
            again what it cannot tell to be missing.
2026-11-30  A step is taken by what is there alone, not by what was done: a delivery whose process was killed
            needs no memory to be gone on with.
2026-11-30  All that is stored is read back: archives answer that they have stored what they have not, and
            XNAT changes objects by scripts of its own.
2026-11-30  Of what is read back the digests are kept, so that whoever downloads it can verify it.
2026-11-30  Objects that stand there besides are counted where they are of an earlier release of the study;
            one that the suite has not released is refused.
"""

from orthanc_plugins.delivery.archive import ArchiveDestination
from orthanc_plugins.delivery.folder import FolderDestination
from orthanc_plugins.delivery.parcel import Delivery, Destination, Parcel, ParcelFile
from orthanc_plugins.delivery.xnat import RESOURCE, XnatDestination
from orthanc_plugins.delivery.xnat_course import Patience

__all__ = [
    "RESOURCE",
    "ArchiveDestination",
    "Delivery",
    "Destination",
    "FolderDestination",
    "Parcel",
    "ParcelFile",
    "Patience",
    "XnatDestination",
]
