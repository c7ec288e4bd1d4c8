"""Profiles: which options of PS3.15 are taken, and what a project decides beyond them; data, in YAML."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from operator import itemgetter
from typing import TYPE_CHECKING, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydicom.datadict import dictionary_VR, tag_for_keyword

from orthanc_plugins.deid.gathering import options_that_keep
from orthanc_plugins.deid.reserved import is_reserved
from orthanc_plugins.deid.standard import EDITION, Option
from orthanc_plugins.errors import ProfileError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable
    from pathlib import Path

ENGINE = 1
"""Raised whenever the same profile and input give another output."""
_NEVER_KEPT_VRS = frozenset({"PN", "SQ", "UN", "OB"})
_KEPT_TOGETHER = frozenset({"DA", "DT", "TM", "UI"})
"""One that stays beside others that moved tells by how much; one UID that stays leads nowhere."""
_NEVER_KEPT = frozenset({"PatientID", "PatientBirthDate", "AccessionNumber", "StudyID", "OtherPatientIDs"})


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Pixels(_Part):
    """What is done about text burned into pixels."""

    look: Literal["risky", "all"] = Field(
        "risky", description="which images are searched for text: those of a kind that has it, or all"
    )
    mask: Literal["all", "identity"] = Field(
        "all", description="which text is painted over: all, or what is not a technical remark"
    )


class AttributeException(_Part):
    """What is done with one attribute otherwise than the options say."""

    attribute: str = Field(description="its keyword in PS3.6")
    action: Literal["X", "Z", "D", "K"] = Field(description="as in Table E.1-1")
    reason: str = Field(min_length=10, description="why; it stands in the certificate")

    @field_validator("attribute")
    @classmethod
    def _known(cls, keyword: str) -> str:
        if not keyword or tag_for_keyword(keyword) is None:  # retired attributes have none
            raise ValueError("the dictionary has no attribute of this keyword")
        return keyword

    @model_validator(mode="after")
    def _not_an_identity(self) -> AttributeException:
        if self.action == "K" and (
            self.attribute in _NEVER_KEPT or dictionary_VR(self.attribute) in _NEVER_KEPT_VRS
        ):
            raise ValueError("names and identifiers of persons are never kept")
        if self.action == "K" and dictionary_VR(self.attribute) in _KEPT_TOGETHER:
            raise ValueError("dates, times and UIDs are kept all together, by an option, or not at all")
        if is_reserved(self.attribute):
            raise ValueError("it is treated in one way under every profile, which no exception changes")
        return self


class Profile(_Part):
    """How a project's objects are de-identified: the Basic Profile of PS3.15 with these options."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")
    summary: str = Field(description="for whom it is and what it keeps, in one sentence")
    options: frozenset[Option] = Field(
        frozenset(), description="of PS3.15 E.3, by their column in Table E.1-1"
    )
    pixels: Pixels = Pixels()
    faces: Literal["flag", "refuse"] = Field(
        "flag", description="images of a head show a face: said in the certificate, or not released"
    )
    patients: Literal["keyed", "numbered"] | None = Field(
        None,
        description="for which projects it is: those with pseudonyms made by the key alone, or with "
        "ANON00742 from their register; for both when not given",
    )
    exceptions: tuple[AttributeException, ...] = Field(
        (), description="attributes treated otherwise, each with its reason"
    )

    @model_validator(mode="after")
    def _no_conflict(self) -> Profile:
        if {Option.RETAIN_LONGITUDINAL_FULL_DATES, Option.RETAIN_LONGITUDINAL_MODIFIED_DATES} <= self.options:
            raise ValueError("dates are either kept or modified: take one of the two longitudinal options")
        if {Option.RETAIN_DEVICE_IDENTITY, Option.RETAIN_LONGITUDINAL_MODIFIED_DATES} <= self.options:
            raise ValueError(
                "retain_device_identity keeps the dates of devices and retain_longitudinal_modified_dates "
                "modifies them (Table E.1-1): no object can satisfy both, take one of the two"
            )
        self._refuse_overruled()
        names = [exception.attribute for exception in self.exceptions]
        if len(set(names)) != len(names):
            raise ValueError("an attribute has two exceptions")
        return self

    def _refuse_overruled(self) -> None:
        """Refuse to keep what is searched for, as somebody's identity, in all that stays."""
        for exception in self.exceptions:
            keeping = options_that_keep(exception.attribute) if exception.action == "K" else None
            if keeping is None or keeping & self.options:
                continue
            how = f"; {' or '.join(sorted(keeping))} keeps it" if keeping else ", and no option keeps it"
            raise ValueError(
                f"{exception.attribute} tells who or where somebody is (PS3.15 Table E.1-1), so that its "
                f"value goes wherever it stands: an exception cannot keep it{how}"
            )

    @property
    def digest(self) -> str:
        """Which policy this is: SHA-256 of profile, table's edition and engine's version, in hex."""
        content = self.model_dump(mode="json")
        content["options"] = sorted(self.options)
        content["exceptions"] = sorted(content["exceptions"], key=itemgetter("attribute"))
        text = json.dumps([content, EDITION, ENGINE], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def shipped_profiles() -> tuple[str, ...]:
    """Return the names of the profiles that come with the suite."""
    return tuple(sorted(_stem(file) for file in _shipped().iterdir() if file.name.endswith(".yaml")))


def load_profile(name: str, folder: Path | None = None) -> Profile:
    """Return a profile by its name: one of the site's own folder, else of those shipped.

    Raises
    ------
    ProfileError
        There is none of this name, or it contradicts itself.
    """
    places = [folder, _shipped()] if folder is not None else [_shipped()]
    for place in places:
        file = place.joinpath(f"{name}.yaml")
        if file.is_file():
            return read_profile(file)
    raise ProfileError(f"There is no profile {name!r}; shipped are {', '.join(shipped_profiles())}.")


def read_profile(file: Traversable) -> Profile:
    """Return the profile of a YAML file.

    Raises
    ------
    ProfileError
        It is no YAML, has a field that profiles do not have, or contradicts itself.
    """
    try:
        profile = Profile.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except UnicodeDecodeError:
        raise ProfileError(f"The profile {file.name} is no text in UTF-8.") from None
    except yaml.YAMLError as error:
        raise ProfileError(f"The profile {file.name} is no YAML: {error}") from None
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the profile'}: {fault['msg']}" for fault in error.errors()
        )
        raise ProfileError(f"The profile {file.name} cannot be used: {faults}") from None
    if profile.name != _stem(file):
        raise ProfileError(f"The profile {profile.name} stands in a file of another name, {file.name}.")
    return profile


def _shipped() -> Traversable:
    return files("orthanc_plugins.deid") / "profiles"


def _stem(file: Traversable) -> str:
    return file.name.removesuffix(".yaml")
