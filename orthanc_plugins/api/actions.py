"""The suite's actions, as the pages of Orthanc offer them: the one list of which all menus are made.

Each is the address of a page of the dashboard, which shows what will be done, asks where that changes
something, does it, and tells how it went. Orthanc Explorer 2 shows neither the answer to a request nor its
error, so none of its buttons does anything by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from orthanc_plugins.archives.base import ArchiveName

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from orthanc_plugins.services import Services

type Language = Literal["en", "fr"]

RESOURCE = "{resource}"
"""Stands in a path for what is acted on: Orthanc's identifiers, with commas between them where several.

Several stand behind ``#``, which browsers keep to themselves: no server limits how many they may be. (nginx
takes an address of 180 of them, Orthanc of 350; people select all of a list.)
"""

OURS = "pacs-suite-"
"""Identifiers of the suite's buttons and links begin so."""

_ROOT_FROM_EXPLORER_2 = "../../pacs/ui/"
"""The dashboard as seen from Orthanc Explorer 2, whose pages stand at ``ui/app/``, whatever stands before."""


class Level(StrEnum):
    """What an action acts on, as Orthanc Explorer 2 calls it; it has no buttons at the level of patients."""

    STUDY = "study"
    SERIES = "series"
    INSTANCE = "instance"
    STUDIES = "bulk-studies"


class Need(StrEnum):
    """What has to be set for an action to be of use."""

    DCM4CHEE = "dcm4chee"
    """A second archive."""
    PROJECT = "project"
    """A project of de-identification."""
    RT_STRUCTURE_SET = "rt-structure-set"
    """The resource is, or holds, RT Structure Sets; of each resource this is another matter."""


_TEMPLATES = dict.fromkeys(Level, "{UUID}") | {Level.STUDIES: "{CommaSeparatedUUIDs}"}
"""What Orthanc Explorer 2 replaces, once in an address and as it is: identifiers alone need no encoding."""


@dataclass(frozen=True)
class Action:
    """Something that can be done with a resource.

    Parameters
    ----------
    name
        Tells it from the others of its level.
    path
        Of its page below ``ui/``; holds `RESOURCE` once.
    words
        What it is called, by language.
    icon
        Name of one of the Bootstrap Icons; none that Orthanc Explorer 2 has for a button of its own, as the
        icon is all that is seen of ours there.
    elsewhere
        Whether its page is another application's, which opens beside the present one.
    """

    name: str
    level: Level
    path: str
    words: Mapping[Language, str]
    icon: str
    needs: frozenset[Need] = frozenset()
    elsewhere: bool = False

    @property
    def action_id(self) -> str:
        """Tells it from all others, also from those of other plugins on the same page."""
        return f"{OURS}{self.level}-{self.name}"


def _action(  # noqa: PLR0913, PLR0917 - the columns of the table below
    level: Level, name: str, path: str, english: str, french: str, icon: str, *needs: Need
) -> Action:
    words: dict[Language, str] = {"en": english, "fr": french}
    return Action(name, level, path, words, icon, frozenset(needs), elsewhere=path.startswith("open/"))


_OF_STUDY = f"studies/{RESOURCE}"
_STUDY, _SERIES, _INSTANCE, _STUDIES = Level.STUDY, Level.SERIES, Level.INSTANCE, Level.STUDIES
_ARCHIVE, _PROJECT, _RT = Need.DCM4CHEE, Need.PROJECT, Need.RT_STRUCTURE_SET

ACTIONS: tuple[Action, ...] = (
    _action(
        _STUDY, "show", _OF_STUDY, "PACS suite: this study", "Suite PACS : cet examen", "bi-speedometer2"
    ),
    _action(
        _STUDY,
        "compare",
        f"{_OF_STUDY}/comparison",
        "Compare Orthanc and DCM4CHEE",
        "Comparer Orthanc et DCM4CHEE",
        "bi-layout-split",
        _ARCHIVE,
    ),
    _action(
        _STUDY,
        "send",
        f"{_OF_STUDY}/send",
        "Send to DCM4CHEE, and verify",
        "Envoyer vers DCM4CHEE et vérifier",
        "bi-send-check",
        _ARCHIVE,
    ),
    _action(
        _STUDY,
        "deidentify",
        f"{_OF_STUDY}/deidentify",
        "De-identify for a project (XNAT)…",
        "Désidentifier pour un projet (XNAT)…",
        "bi-incognito",
        _PROJECT,
    ),
    _action(
        _STUDY,
        "process",
        f"{_OF_STUDY}/structures?process=1",
        "Process RT-STRUCT…",
        "Traiter les RT-STRUCT…",
        "bi-gear",
        _RT,
    ),
    _action(
        _STUDY,
        "structures",
        f"{_OF_STUDY}/structures",
        "RT-STRUCT results",
        "Résultats RT-STRUCT",
        "bi-bullseye",
        _RT,
    ),
    _action(
        _STUDY,
        "measurements",
        f"{_OF_STUDY}/measurements",
        "Measurements and annotations",
        "Mesures et annotations",
        "bi-rulers",
    ),
    _action(
        _STUDY,
        "view-orthanc",
        f"open/orthanc/{RESOURCE}",
        "Open in OHIF (Orthanc)",
        "Ouvrir dans OHIF (Orthanc)",
        "bi-eye",
    ),
    _action(
        _STUDY,
        "view-dcm4chee",
        f"open/dcm4chee/{RESOURCE}",
        "Open in OHIF (DCM4CHEE)",
        "Ouvrir dans OHIF (DCM4CHEE)",
        "bi-eyeglasses",
        _ARCHIVE,
    ),
    _action(
        _STUDY,
        "jobs",
        f"jobs?study={RESOURCE}",
        "Jobs of this study",
        "Tâches de cet examen",
        "bi-list-task",
    ),
    _action(
        _SERIES,
        "process",
        f"series/{RESOURCE}/structures?process=1",
        "Process RT-STRUCT…",
        "Traiter les RT-STRUCT…",
        "bi-gear",
        _RT,
    ),
    _action(
        _SERIES,
        "structures",
        f"series/{RESOURCE}/structures",
        "RT-STRUCT results",
        "Résultats RT-STRUCT",
        "bi-bullseye",
        _RT,
    ),
    _action(
        _INSTANCE,
        "process",
        f"instances/{RESOURCE}/structures?process=1",
        "Process RT-STRUCT…",
        "Traiter les RT-STRUCT…",
        "bi-gear",
        _RT,
    ),
    _action(
        _INSTANCE,
        "structures",
        f"instances/{RESOURCE}/structures",
        "RT-STRUCT results",
        "Résultats RT-STRUCT",
        "bi-bullseye",
        _RT,
    ),
    _action(
        _STUDIES,
        "show",
        f"studies#ids={RESOURCE}",
        "PACS suite: these studies",
        "Suite PACS : ces examens",
        "bi-speedometer2",
    ),
    _action(
        _STUDIES,
        "compare",
        f"bulk/compare#studies={RESOURCE}",
        "Compare Orthanc and DCM4CHEE",
        "Comparer Orthanc et DCM4CHEE",
        "bi-layout-split",
        _ARCHIVE,
    ),
    _action(
        _STUDIES,
        "send",
        f"bulk/send#studies={RESOURCE}",
        "Send to DCM4CHEE, and verify",
        "Envoyer vers DCM4CHEE et vérifier",
        "bi-send-check",
        _ARCHIVE,
    ),
    _action(
        _STUDIES,
        "deidentify",
        f"bulk/deidentify#studies={RESOURCE}",
        "De-identify for a project (XNAT)…",
        "Désidentifier pour un projet (XNAT)…",
        "bi-incognito",
        _PROJECT,
    ),
)
"""In the order in which menus show them."""


def what_is_set(services: Services) -> frozenset[Need]:
    """Return which needs this deployment meets; that of a resource is met by the resource."""
    met = {Need.RT_STRUCTURE_SET}
    if ArchiveName.DCM4CHEE in services.archives:
        met.add(Need.DCM4CHEE)
    if services.deidentification.projects:
        met.add(Need.PROJECT)
    return frozenset(met)


def actions_of(met: Collection[Need]) -> tuple[Action, ...]:
    """Return the actions whose needs are met."""
    return tuple(action for action in ACTIONS if action.needs <= frozenset(met))


def custom_buttons(
    actions: Collection[Action] = ACTIONS, language: Language = "en"
) -> dict[str, list[dict[str, str]]]:
    """Return the actions as ``UiOptions.CustomButtons`` of Orthanc Explorer 2, 1.8 and later.

    ``bulk-studies`` counts from 1.9.2 on; older ones pass it over.
    """
    return {
        level.value: [_button(action, language) for action in actions if action.level is level]
        for level in Level
    }


def _button(action: Action, language: Language) -> dict[str, str]:
    path = action.path.replace(RESOURCE, _TEMPLATES[action.level])
    return {
        "Id": action.action_id,
        "Tooltip": action.words[language],
        "Icon": f"bi {action.icon}",
        "HttpMethod": "GET",
        "Target": "_blank",
        "Url": f"{_ROOT_FROM_EXPLORER_2}{path}",
    }


def as_json(actions: Collection[Action]) -> list[dict[str, Any]]:
    """Return the actions for a script: what a menu needs to know of each."""
    return [
        {
            "id": action.action_id,
            "level": action.level.value,
            "path": action.path,
            "words": dict(action.words),
            "icon": action.icon,
            "needs": sorted(action.needs),
            "elsewhere": action.elsewhere,
        }
        for action in actions
    ]
