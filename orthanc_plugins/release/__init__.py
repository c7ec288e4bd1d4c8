"""Studies on their way out: de-identified, checked, and only then released.

Here the engine (room ``deid``) and the check (room ``validation``), which share nothing, meet the custodian's
keys (room ``custody``). Nothing here knows where studies come from or go to: files in, files out.

Public: `Project` (key, profile and register of one project), `sorted_studies` (which files are which study),
`Studies`, `StudyInput`, `release` (one study into a folder), `Outcome`, `State` and `report_of` (what may be
told of a run).

Decisions
---------
2026-11-30  A study is released whole or not at all: it is made in a folder beside the destination, checked
            there, and moved by renaming. What was refused leaves nothing behind.
2026-11-30  Reports, texts and names of files hold no value of the original; an input is told by its number.
"""

from orthanc_plugins.release.inputs import Fault, Studies, StudyInput, sorted_studies
from orthanc_plugins.release.outcome import Outcome, State
from orthanc_plugins.release.project import Project
from orthanc_plugins.release.reporting import report_of
from orthanc_plugins.release.study import release

__all__ = [
    "Fault",
    "Outcome",
    "Project",
    "State",
    "Studies",
    "StudyInput",
    "release",
    "report_of",
    "sorted_studies",
]
