"""What a person is told, as a page in English or French, where a link leads to nothing that can be shown.

Its status is 200 all the same: Orthanc sends what has another as plain text, and the person would read HTML.
"""

from __future__ import annotations

import html
from enum import Enum
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from fastapi.responses import HTMLResponse

if TYPE_CHECKING:
    from orthanc_plugins.api.actions import Language

_PAGE = Template((Path(__file__).parents[1] / "web" / "unresolved.html").read_text(encoding="utf-8"))
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_MOST_PREFERENCES = 20


class Trouble(Enum):
    """Why a link leads to nothing: title and text in English, then in French."""

    NO_IDENTIFIER = (
        "This is no study, series or instance",
        "The address holds neither a DICOM UID nor an identifier of Orthanc. Was it copied whole?",
        "Ceci n’est ni un examen, ni une série, ni une instance",
        "L’adresse ne contient ni UID DICOM ni identifiant d’Orthanc. A-t-elle été copiée en entier ?",
    )
    NO_ARCHIVE = (
        "There is no such archive",
        "Studies are opened from Orthanc or from DCM4CHEE.",
        "Cette archive n’existe pas",
        "Les examens s’ouvrent depuis Orthanc ou depuis DCM4CHEE.",
    )
    NOT_CONFIGURED = (
        "DCM4CHEE is not set up here",
        (
            "This suite knows Orthanc alone. An administrator names the second archive by the setting "
            "Dcm4chee.Url."
        ),
        "DCM4CHEE n’est pas configuré ici",
        (
            "Cette suite ne connaît qu’Orthanc. Un administrateur indique la seconde archive par le réglage "
            "Dcm4chee.Url."
        ),
    )
    NOT_IN_ORTHANC = (
        "Orthanc does not hold this",
        "It may have been deleted, or has not arrived yet. If DCM4CHEE has it, it can be opened from there.",
        "Orthanc ne contient pas cet objet",
        (
            "Il a peut-être été supprimé, ou n’est pas encore arrivé. Si DCM4CHEE le contient, il peut être "
            "ouvert depuis cette archive."
        ),
    )
    NOT_IN_DCM4CHEE = (
        "DCM4CHEE does not hold this study",
        "It has not been sent there, or was rejected there. Compare the archives to see, and send it.",
        "DCM4CHEE ne contient pas cet examen",
        "Il n’y a pas été envoyé, ou y a été rejeté. Comparez les archives pour le voir, et envoyez-le.",
    )
    SEVERAL = (
        "Orthanc holds several of this UID",
        (
            "The same UID is stored for several patients, and a viewer would mix them. An administrator "
            "finds them in Orthanc by this UID, and corrects the wrong one."
        ),
        "Orthanc contient plusieurs objets avec cet UID",
        (
            "Le même UID est enregistré pour plusieurs patients, et une visionneuse les mélangerait. Un "
            "administrateur les trouve dans Orthanc par cet UID, et corrige celui qui est faux."
        ),
    )
    ORTHANC_AWAY = (
        "Orthanc does not answer",
        "Try again in a moment. If it stays so, an administrator should look at Orthanc’s log.",
        "Orthanc ne répond pas",
        "Réessayez dans un instant. Si cela persiste, un administrateur doit consulter le journal d’Orthanc.",
    )
    DCM4CHEE_AWAY = (
        "DCM4CHEE does not answer",
        "Try again in a moment. If it stays so, an administrator should look whether DCM4CHEE runs.",
        "DCM4CHEE ne répond pas",
        (
            "Réessayez dans un instant. Si cela persiste, un administrateur doit vérifier que DCM4CHEE "
            "fonctionne."
        ),
    )


class Unresolved(Exception):  # noqa: N818 - what happened, as the other errors here
    """A link leads to nothing; ``study`` names the study whose page is offered, None where none is known."""

    def __init__(self, trouble: Trouble, study: str | None = None) -> None:
        super().__init__(trouble.name)
        self.trouble = trouble
        self.study = study


def page_of(trouble: Trouble, language: Language, *, href: str, to_study: bool, files: str) -> HTMLResponse:
    """Return the page that tells of a trouble.

    Parameters
    ----------
    href
        Where the person can go on.
    to_study
        Whether that is the page of the study, not the list of all.
    files
        Where the dashboard's files stand.
    """
    english_title, english, french_title, french = trouble.value
    title, text = (french_title, french) if language == "fr" else (english_title, english)
    link = {
        "en": ("To the list of studies", "To the page of the study"),
        "fr": ("Vers la liste des examens", "Vers la page de l’examen"),
    }[language][to_study]
    values = {"language": language, "title": title, "text": text, "link": link, "href": href, "files": files}
    escaped = {name: html.escape(value) for name, value in values.items()}
    return HTMLResponse(_PAGE.substitute(escaped), headers=_HEADERS)


def language_of(accepted: str) -> Language:
    """Return the language of a header Accept-Language that the suite speaks; English where it names none.

    >>> language_of("fr-CA,fr;q=0.9,en;q=0.8"), language_of("de, en;q=0.5, fr;q=0.4"), language_of("")
    ('fr', 'en', 'en')
    """
    wanted: dict[str, float] = {}
    for preference in accepted.split(",")[:_MOST_PREFERENCES]:
        name, _, weight = preference.strip().partition(";q=")
        wanted.setdefault(name.partition("-")[0].strip().lower(), _weight(weight))
    return "fr" if wanted.get("fr", 0.0) > wanted.get("en", 0.0) else "en"


def _weight(text: str) -> float:
    """Return a quality value (RFC 9110, 12.4.2), 1 where none is given and 0 where it is none."""
    if not text:
        return 1.0
    try:
        return float(text)
    except ValueError:
        return 0.0
