"""What is to be known of a profile without applying it: that it is there, and what becomes of dates.

Orthanc's process asks this and never loads the engine; whoever applies a profile checks all of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from orthanc_plugins.errors import ProfileError

Dates = Literal["removed", "moved by whole weeks", "kept"]
"""What becomes of dates and times (PS3.15 E.3.6)."""

_SHIPPED = Path(__file__).resolve().parent.parent / "deid" / "profiles"
_DATES: dict[str, Dates] = {
    "retain_longitudinal_full_dates": "kept",
    "retain_longitudinal_modified_dates": "moved by whole weeks",
}


@dataclass(frozen=True)
class ProfileSummary:
    """What a profile does to dates, whether it keeps UIDs (PS3.15 E.3.9), and how it wants patients called.

    ``patients`` is None where it takes them as the project has them.
    """

    dates: Dates
    keeps_uids: bool
    patients: Literal["keyed", "numbered"] | None = None


def profile_summary(name: str, folder: Path | None = None) -> ProfileSummary:
    """Return what a profile says: one of the site's own folder, else of those shipped.

    Raises
    ------
    ProfileError
        There is none of this name, or nobody can read it.
    """
    for place in (folder, _SHIPPED) if folder is not None else (_SHIPPED,):
        file = place / f"{name}.yaml"
        if file.is_file():
            return _summary(file)
    shipped = ", ".join(sorted(file.stem for file in _SHIPPED.glob("*.yaml")))
    raise ProfileError(
        f"There is no profile {name}: take one of {shipped}, or put {name}.yaml into "
        "Deidentification.ProfilesDirectory."
    )


def _summary(file: Path) -> ProfileSummary:
    try:
        told = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProfileError(f"The profile {file.name} cannot be read ({type(error).__name__}).") from error
    options = told.get("options", []) if isinstance(told, dict) else None
    if not isinstance(options, list):
        raise ProfileError(f"The profile {file.name} is none: it has no list of options.")
    patients = told.get("patients")
    if patients not in {None, "keyed", "numbered"}:
        raise ProfileError(f"The profile {file.name} is none: patients are keyed or numbered.")
    known = frozenset(map(str, options))
    return ProfileSummary(_dates(known), "retain_uids" in known, patients)


def _dates(options: frozenset[str]) -> Dates:
    return next((told for option, told in _DATES.items() if option in options), "removed")
