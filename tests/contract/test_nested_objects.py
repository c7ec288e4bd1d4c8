"""An object nested too deep for Orthanc's own REST routes is listed, fetched and read by ours.

Orthanc 1.12.7 of Debian ends with a segmentation fault where a thread of its web server (100 KiB of stack)
decodes sequences more than 50 deep: on POST /instances, /tags, /simplified-tags, /header and /content. By
C-STORE it takes them, so they may be there; what the suite asks of every object must not decode them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynetdicom import AE

from orthanc_plugins.archives import OrthancRest
from orthanc_plugins.deid.gathering import gathered
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.identifiers import StudyUid
from tests.builders.writing import EXPLICIT, Element, Writing, part_10
from tests.standin import running_plain_orthanc

if TYPE_CHECKING:
    from pathlib import Path

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
STUDY, UID = StudyUid("1.2.3"), "1.2.3.4"


def nested(depth: int) -> bytes:
    inner = (Element(0x00100010, "PN", "Deep^Down"),)
    for _ in range(depth):
        inner = (Element(0x00081115, "SQ", (inner,)),)
    elements = (
        Element(0x00080016, "UI", SECONDARY_CAPTURE),
        Element(0x00080018, "UI", UID),
        Element(0x00080060, "CS", "OT"),
        *inner,
        Element(0x00100010, "PN", "Doe^Jane"),
        Element(0x00100020, "LO", "P1"),
        Element(0x0020000D, "UI", STUDY),
        Element(0x0020000E, "UI", "1.2.3.1"),
    )
    return part_10(elements, Writing(EXPLICIT), sop_uid=UID)


def test_an_object_nested_60_deep_that_came_by_dicom_is_listed_fetched_and_read(tmp_path: Path) -> None:
    file = tmp_path / "nested.dcm"
    file.write_bytes(nested(60))
    with running_plain_orthanc(tmp_path / "orthanc", StableAge=1) as orthanc:
        sender = AE()
        sender.add_requested_context(SECONDARY_CAPTURE, EXPLICIT)
        association = sender.associate("127.0.0.1", orthanc.dicom_port, ae_title=orthanc.aet)
        assert association.send_c_store(file).Status == 0
        association.release()
        rest = OrthancRest(orthanc.url)
        (study,) = rest.list_studies(0, 10)
        assert study.study_uid == STUDY
        assert len(rest.find_instances([STUDY])) == 1
        (instance,) = rest.instance_ids(study.orthanc_id)
        assert rest.sop_class(instance) == SECONDARY_CAPTURE
        known = gathered(read_part10(rest.file(instance)))
        assert "Deep^Down" in known.names
        assert rest.has_instance(instance)
