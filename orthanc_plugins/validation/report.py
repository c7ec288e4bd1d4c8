"""What the check found, in words that identify nobody: it may be stored beside the released study."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, NamedTuple


class Severity(StrEnum):
    """Whether a finding keeps the study back."""

    ERROR = "error"
    WARNING = "warning"


class Finding(NamedTuple):
    """One thing that is not as it should be.

    ``instance`` is the released SOP Instance UID, or ``#`` and the position of the pair where there is none;
    ``location`` a path of tags and item numbers of the released object, or a part of its file, or empty.
    Neither they nor ``text`` hold a value, or a UID of an original.
    """

    check: str
    instance: str
    location: str
    text: str
    severity: Severity = Severity.ERROR


@dataclass(frozen=True)
class Report:
    """Findings on a study, and how much was looked at.

    ``seconds`` tells the time that each part took, in all processes together.
    """

    findings: tuple[Finding, ...]
    instances: int
    bytes_searched: int
    checks: tuple[str, ...]
    seconds: dict[str, float]

    @property
    def passed(self) -> bool:
        """Whether the study may leave: it has instances, and none of the findings is an error."""
        return self.instances > 0 and all(one.severity is not Severity.ERROR for one in self.findings)

    @property
    def counts(self) -> dict[str, int]:
        """How many findings each check has, those without any included."""
        found = Counter(one.check for one in self.findings)
        return {check: found[check] for check in self.checks}

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON has it."""
        whole = asdict(self)
        whole["findings"] = [one._asdict() for one in self.findings]
        return whole | {"passed": self.passed, "counts": self.counts}
