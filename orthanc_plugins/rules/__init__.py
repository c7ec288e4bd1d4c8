"""Rules: which studies are forwarded or kept in step, decided from facts alone. Pure, and light to import.

What it is for: settings hold the rules, Orthanc's process shows and the workers apply them. Nothing here asks
an archive; whoever decides hands in what is known of a study.

Public: as they stand in the settings ``ForwardingRule``, ``SyncRule``, ``RepairPolicy`` (``Strategy``),
``DeidentificationProject``, ``DeidentificationRule``; ``StudyFacts`` and ``SeriesFacts``, ``decide`` and its
``Decision``, ``first_matching``, ``direction_of``, ``keywords_asked``, ``Window`` and its ``WindowText``.

Decisions
---------
2026-11  A rule matches a study when at least one series meets all that the rule asks of a series: what
         `Send: matching_series` would send is then never empty.
2026-11  Values of tags do not stand in the reasons of a decision, patterns do: reasons are stored and logged.
2026-11  DICOM keywords are a list of names beside this file: pydicom, which knows them too, loads NumPy.
2026-11  Windows are told in the local time of the machine that the worker runs on, as a hospital says them.
"""

from orthanc_plugins.rules.decisions import (
    Decision,
    SeriesFacts,
    StudyFacts,
    decide,
    direction_of,
    first_matching,
    keywords_asked,
)
from orthanc_plugins.rules.models import ForwardingRule, StudyRule, SyncDirection, SyncRule, WindowText
from orthanc_plugins.rules.projects import (
    DeidentificationProject,
    DeidentificationRule,
    ProjectDestination,
    ProjectName,
)
from orthanc_plugins.rules.repair import RepairPolicy, Strategy
from orthanc_plugins.rules.windows import Window

__all__ = [
    "Decision",
    "DeidentificationProject",
    "DeidentificationRule",
    "ForwardingRule",
    "ProjectDestination",
    "ProjectName",
    "RepairPolicy",
    "SeriesFacts",
    "Strategy",
    "StudyFacts",
    "StudyRule",
    "SyncDirection",
    "SyncRule",
    "Window",
    "WindowText",
    "decide",
    "direction_of",
    "first_matching",
    "keywords_asked",
]
