"""What plays the neighbours in tests that reach no network.

Public: `FakeOrthanc` (Orthanc's Python module), `RestOutput`, `FakeOrthancRest` (the archive), `MemoryQueue`,
`MemoryArchive` (either archive by the protocol, with `Faults`).
"""

from tests.fakes.archive import Faults, MemoryArchive
from tests.fakes.job_queue import MemoryQueue
from tests.fakes.orthanc_module import ChangeType, FakeDicomInstance, FakeOrthanc, ResourceType, RestOutput
from tests.fakes.orthanc_rest import FakeOrthancRest

__all__ = [
    "ChangeType",
    "FakeDicomInstance",
    "FakeOrthanc",
    "FakeOrthancRest",
    "Faults",
    "MemoryArchive",
    "MemoryQueue",
    "ResourceType",
    "RestOutput",
]
