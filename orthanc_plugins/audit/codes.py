"""The words of DICOM's audit messages: coded terms (PS3.16 CID 400 to 405) and numbers (PS3.15 A.5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


@dataclass(frozen=True)
class Code:
    """A coded term: value, scheme and meaning."""

    value: str
    scheme: str
    meaning: str


class Outcome(IntEnum):
    """How an event ended (PS3.15 A.5.1, EventOutcomeIndicator)."""

    SUCCESS = 0
    MINOR_FAILURE = 4
    SERIOUS_FAILURE = 8
    MAJOR_FAILURE = 12


class Action(StrEnum):
    """What was done (PS3.15 A.5.1, EventActionCode)."""

    CREATE = "C"
    READ = "R"
    UPDATE = "U"
    DELETE = "D"
    EXECUTE = "E"


class EventKind(StrEnum):
    """The events of the suite."""

    EXPORT = "export"
    INSTANCES_TRANSFERRED = "instances_transferred"
    INSTANCES_ACCESSED = "instances_accessed"
    PATIENT_RECORD = "patient_record"
    SECURITY_ALERT = "security_alert"
    AUDIT_LOG_USED = "audit_log_used"

    @property
    def code(self) -> Code:
        """The event's EventID (CID 400)."""
        return _EVENT_IDS[self]


_EVENT_IDS = {
    EventKind.EXPORT: Code("110106", "DCM", "Export"),
    EventKind.INSTANCES_TRANSFERRED: Code("110104", "DCM", "DICOM Instances Transferred"),
    EventKind.INSTANCES_ACCESSED: Code("110103", "DCM", "DICOM Instances Accessed"),
    EventKind.PATIENT_RECORD: Code("110110", "DCM", "Patient Record"),
    EventKind.SECURITY_ALERT: Code("110113", "DCM", "Security Alert"),
    EventKind.AUDIT_LOG_USED: Code("110101", "DCM", "Audit Log Used"),
}

APPLICATION = Code("110150", "DCM", "Application")
DESTINATION = Code("110152", "DCM", "Destination Role ID")
SOURCE = Code("110153", "DCM", "Source Role ID")
DESTINATION_MEDIA = Code("110154", "DCM", "Destination Media")

URI_MEDIA = Code("110037", "DCM", "URI")
"""Media that is a place in the network (CID 405)."""

SECURITY_CONFIGURATION = Code("110129", "DCM", "Security Configuration")
USE_OF_RESTRICTED_FUNCTION = Code("110132", "DCM", "Use of Restricted Function")
OBJECT_SECURITY_CHANGED = Code("110135", "DCM", "Object Security Attributes Changed")
"""Kinds of alerts (CID 403)."""

STUDY_INSTANCE_UID = Code("110180", "DCM", "Study Instance UID")
PATIENT_NUMBER = Code("2", "RFC-3881", "Patient Number")
URI = Code("12", "RFC-3881", "URI")
"""What identifies an object (PS3.15 A.5.1.2.4)."""

APPLICATION_SERVER = "4"
"""Kind of audit source (PS3.15 A.5.1.2.1)."""


class NetworkPoint(StrEnum):
    """What a network access point is named by (PS3.15 A.5.1)."""

    MACHINE = "1"
    ADDRESS = "2"
    URI = "5"


class LifeCycle(IntEnum):
    """What became of an object (PS3.15 A.5.1.2.3)."""

    ACCESS = 6
    DEIDENTIFICATION = 7
    EXPORT = 10
