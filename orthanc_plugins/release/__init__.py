"""Studies on their way out: de-identified, checked, and only then released.

Here the engine (room ``deid``) and the check (room ``validation``), which share nothing, meet the custodian's
keys (room ``custody``). Nothing here knows where studies come from or go to: files in, files out.

Public: `Project` (key, profile and register of one project), `sorted_studies` (which files are which study),
`Studies`, `StudyInput`, `release` (one study into a folder), `Outcome`, `State`, `HeldObject`, `Decision` and
`content_token` (what a person has decided of a held object), `holds_of` and `frames_of` (what a person is
shown of one), `previewed` (what a release would make: a `Preview`, which has values), and `report_of` (what
may be told of a run).

Decisions
---------
2026-11-30  A study is released whole or not at all: it is made in a folder beside the destination, checked
            there, and moved by renaming. What was refused leaves nothing behind.
2026-11-30  A person's decision holds for the bytes it was made of, and for the rules that the person was
            shown. `pass` lets pixels leave as they are, unless they repeat an identity that the study itself
            tells: that no decision overrides, nor what cannot be shown, nor any finding of the check.
2026-11-30  Reports, texts and names of files hold no value of the original; an input is told by its number.
"""

from orthanc_plugins.release.decisions import Decision, Decisions, content_token
from orthanc_plugins.release.inputs import Fault, Studies, StudyInput, sorted_studies
from orthanc_plugins.release.instances import Made
from orthanc_plugins.release.looking import frames_of, holds_of
from orthanc_plugins.release.outcome import HeldObject, Outcome, State
from orthanc_plugins.release.previewing import Preview, previewed
from orthanc_plugins.release.project import Project
from orthanc_plugins.release.reporting import report_of
from orthanc_plugins.release.study import Effort, release

__all__ = [
    "Decision",
    "Decisions",
    "Effort",
    "Fault",
    "HeldObject",
    "Made",
    "Outcome",
    "Preview",
    "Project",
    "State",
    "Studies",
    "StudyInput",
    "content_token",
    "frames_of",
    "holds_of",
    "previewed",
    "release",
    "report_of",
    "sorted_studies",
]
