"""The suite's exceptions.

::

    PacsSuiteError
    ├── ConfigurationError      a setting is missing, misspelt or contradicts another
    ├── ArchiveError            an archive did not do what was asked of it
    │   ├── ArchiveUnavailable  it may do so later: try again
    │   │   ├── InstancesNotTaken  it answers, but does not take some instances now
    │   │   └── ArchiveLate     it has not answered as long as somebody waited
    │   └── ArchiveRefused      it will not: do not try again
    │       └── NotFound        it does not hold the resource asked for
    ├── ZipRefused              a ZIP is not unpacked, with the reason
    ├── InvalidDicom            a DICOM object cannot be used, with the reason
    │   └── NoDecoder           nothing here decodes its pixels
    ├── GeometryError           contours and images do not fit together
    ├── ComparisonError         regions cannot be compared with each other
    ├── RepairError             a repair cannot be planned, decided, applied or undone as things stand
    │   └── RepairNotFound      no repair has this identifier
    ├── BenchmarkError          a benchmark was not run to its end, or left something behind
    │   └── BenchmarkRefused    it is not run against these archives
    ├── TransferError           instances did not arrive whole in another archive, or cannot be sent there
    │   └── TransferNotFound    no transfer has this identifier
    ├── DeidError               something cannot be de-identified as its profile asks; nothing of it leaves
    │   ├── ProfileError        a profile contradicts itself, or asks for what is not there
    │   ├── KeyUnusable         a project's key is missing, open to others, or not a key
    │   ├── HeldForReview       only a person can say whether it may leave, with the reason
    │   └── ReleaseRefused      the check after found what must not leave, or what is broken
    ├── CustodyError            the table of pseudonyms cannot be read, written or looked into
    ├── AuditError              an audit record cannot be written, or the trail was changed
    ├── StoreError              the suite's own database cannot be used
    └── JobError                a job cannot be asked for, changed or found
        ├── JobNotFound         no job has this identifier
        └── JobActive           the job is queued or runs, so it cannot be done again now

A message says what failed, on which object, and what to do. It never holds a patient's name,
birth date or patient identifier: exceptions end up in logs and in stored jobs. Facts a program may
want are attributes.
"""

from __future__ import annotations


class PacsSuiteError(Exception):
    """Any failure the suite itself reports."""


class ConfigurationError(PacsSuiteError):
    """A setting is missing, misspelt or contradicts another."""


class ArchiveError(PacsSuiteError):
    """An archive did not do what was asked of it.

    Parameters
    ----------
    message
        What failed, on which object, what to do.
    archive
        Name of the archive as configured, such as ``orthanc``.
    status
        HTTP status the archive answered, None when it did not answer.
    """

    def __init__(self, message: str, *, archive: str, status: int | None = None) -> None:
        super().__init__(message)
        self.archive = archive
        self.status = status


class ArchiveUnavailable(ArchiveError):  # noqa: N818 - a state, named as the design names it
    """The archive cannot answer now; the same request may succeed later."""


class InstancesNotTaken(ArchiveUnavailable):
    """The archive answers, but does not take some instances now; it may later."""


class ArchiveLate(ArchiveUnavailable):
    """The archive has not answered as long as somebody waited; it may be slow, or gone."""


class ArchiveRefused(ArchiveError):  # noqa: N818 - see ArchiveUnavailable
    """The archive refuses the request; the same request will fail again."""


class NotFound(ArchiveRefused):
    """The archive does not hold the resource."""


class ZipRefused(PacsSuiteError):  # noqa: N818 - see ArchiveUnavailable
    """A ZIP is not unpacked."""


class InvalidDicom(PacsSuiteError):  # noqa: N818 - see ArchiveUnavailable
    """A DICOM object cannot be used."""


class NoDecoder(InvalidDicom):
    """Pixels are not damaged as far as is known, but nothing here decodes their transfer syntax."""


class GeometryError(PacsSuiteError):
    """Contours, masks or images do not fit together."""


class ComparisonError(PacsSuiteError):
    """Regions or structure sets cannot be compared with each other."""


class RepairError(PacsSuiteError):
    """A repair cannot be planned, decided, applied or undone as things stand."""


class RepairNotFound(RepairError):  # noqa: N818 - see ArchiveUnavailable
    """No repair has this identifier."""


class BenchmarkError(PacsSuiteError):
    """A benchmark was not run to its end, or left something behind in an archive."""


class BenchmarkRefused(BenchmarkError):  # noqa: N818 - see ArchiveUnavailable
    """A benchmark is not run against these archives."""


class TransferError(PacsSuiteError):
    """Instances did not arrive whole in another archive, or cannot be sent there."""


class TransferNotFound(TransferError):  # noqa: N818 - see ArchiveUnavailable
    """No transfer has this identifier."""


class DeidError(PacsSuiteError):
    """An object or a study cannot be de-identified as its profile asks; nothing of it leaves."""


class ProfileError(DeidError):
    """A profile contradicts itself, or asks for what is not there."""


class KeyUnusable(DeidError):  # noqa: N818 - see ArchiveUnavailable
    """A project's key is missing, open to others, or not a key."""


class HeldForReview(DeidError):  # noqa: N818 - see ArchiveUnavailable
    """Only a person can say whether the object may leave.

    Attributes
    ----------
    holds
        The rules that hold it, as `orthanc_plugins.rules.holds.Hold` has them; none where it is no object's
        pixels that wait, or where nothing more is known of them.
    """

    def __init__(self, message: str, holds: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.holds = holds


class ReleaseRefused(DeidError):  # noqa: N818 - see ArchiveUnavailable
    """The check of what would leave found an identity in it, or something broken."""


class CustodyError(PacsSuiteError):
    """The table of pseudonyms cannot be read, written or looked into."""


class AuditError(PacsSuiteError):
    """An audit record cannot be written, or the trail of records was changed."""


class StoreError(PacsSuiteError):
    """The suite's own database cannot be used."""


class JobError(PacsSuiteError):
    """A job cannot be asked for, changed or found."""


class JobNotFound(JobError):  # noqa: N818 - see ArchiveUnavailable
    """No job has this identifier."""


class JobActive(JobError):  # noqa: N818 - see ArchiveUnavailable
    """The job is queued or runs, so it cannot be done again now."""
