"""Projects of de-identification as the settings have them: what is done, where it goes, who may look back."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads the annotations
from typing import Annotated, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import (
    BaseModel,
    Field,
    HttpUrl,
    PositiveFloat,
    SecretStr,
    StringConstraints,
    model_validator,
)

from orthanc_plugins.rules.holds import Decide
from orthanc_plugins.rules.models import StudyRule
from orthanc_plugins.rules.section import SECTION

ProjectName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
"""A project as the custodian calls it; keys and registers are named by it."""

ProfileName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
"""Name of a profile: one of those shipped, or of the site's own folder."""

_XnatLabel = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_Role = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]


class ProjectDestination(BaseModel):
    """Where released studies of a project go."""

    model_config = SECTION

    kind: Annotated[
        Literal["xnat", "folder", "orthanc", "dicomweb"],
        Field(description="`xnat` (of the section `Xnat`), `folder`, another `orthanc`, or `dicomweb`."),
    ] = "xnat"
    project: Annotated[
        _XnatLabel | None,
        Field(description="XNAT's project, of kind `xnat`; `PACS_ANONYMIZED` when not set."),
    ] = None
    folder: Annotated[Path | None, Field(description="The folder, of kind `folder`.")] = None
    url: Annotated[
        HttpUrl | None,
        Field(
            description="Root of the other Orthanc's REST API, or of the archive's DICOMweb: of kind "
            "`orthanc` or `dicomweb`."
        ),
    ] = None
    username: Annotated[str | None, Field(description="User there.")] = None
    password: Annotated[SecretStr | None, Field(description="Password of that user.")] = None
    ca_file: Annotated[Path | None, Field(description="Certificates (PEM) its TLS is trusted by.")] = None
    timeout_s: Annotated[
        PositiveFloat, Field(description="Seconds without a byte until a request fails.")
    ] = 60.0

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        given = {name for name in ("project", "folder", "url") if getattr(self, name) is not None}
        wanted = {"xnat": "project", "folder": "folder"}.get(self.kind, "url")
        if given - {wanted}:
            raise ValueError(f"a destination of kind {self.kind} has {wanted.capitalize()}, and no other")
        if self.kind != "xnat" and not given:
            raise ValueError(f"a destination of kind {self.kind} needs {wanted.capitalize()}")
        if (self.username is None) != (self.password is None):
            raise ValueError("a user has a password: give both Username and Password, or neither")
        if self.username is not None and wanted != "url":
            raise ValueError("Username and Password belong to destinations of kind orthanc and dicomweb")
        return self

    @property
    def xnat_project(self) -> str | None:
        """XNAT's project, None of another kind."""
        return (self.project or "PACS_ANONYMIZED") if self.kind == "xnat" else None

    def address(self, xnat_url: str | None) -> str:
        """Return where studies go, as a URI (RFC 3986) that tells of nobody who may go there.

        ``xnat_url`` is XNAT's root, None where nobody has told it.

        >>> ProjectDestination(kind="orthanc", url="https://ann:secret@[::1]:8042/a b?c").address(None)
        'https://[::1]:8042/a%20b'
        >>> ProjectDestination(kind="folder", folder="/srv/out going").address(None)
        'file:///srv/out%20going'
        >>> ProjectDestination().address("https://xnat.hospital")
        'https://xnat.hospital/data/projects/PACS_ANONYMIZED'
        """
        if self.folder is not None:
            return self.folder.absolute().as_uri()
        if self.xnat_project is None:
            return _plain(str(self.url))
        if xnat_url is None:
            return f"xnat:{self.xnat_project}"
        return f"{_plain(xnat_url)}/data/projects/{self.xnat_project}"


def _plain(url: str) -> str:
    """Return an address without user, password, query and end."""
    parts = urlsplit(url)
    path = quote(parts.path.rstrip("/"), safe="/%:@+=~")
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"


class DeidentificationProject(BaseModel):
    """One project: a key of its own, and what is done with its studies."""

    model_config = SECTION

    name: Annotated[ProjectName, Field(description="Its own name; `pacs project create NAME` makes its key.")]
    profile: Annotated[ProfileName, Field(description="What is done, unless somebody asks otherwise.")] = (
        "basic"
    )
    more_profiles: Annotated[
        tuple[ProfileName, ...], Field(description="Other profiles that may be asked for.")
    ] = ()
    longitudinal_profile: Annotated[
        ProfileName | None,
        Field(
            description="The profile for whoever asks that dates stay (`keep_series_date`): moved by whole "
            "weeks or kept, as its longitudinal option says (PS3.15 E.3.6). Without it that is refused."
        ),
    ] = None
    patients: Annotated[
        Literal["keyed", "numbered"] | None,
        Field(
            description="`keyed` (DEID-RICSNLPLJNNHEA6G) or `numbered` (ANON00742); as the profile has it "
            "when not set."
        ),
    ] = None
    destination: Annotated[ProjectDestination, Field(description="Where its studies go.")] = (
        ProjectDestination()
    )
    reversible: Annotated[
        bool, Field(description="Whether the custodian keeps, sealed, who is behind a pseudonym.")
    ] = False
    custodians: Annotated[
        tuple[_Role, ...], Field(min_length=1, description="Roles that may look up who is behind one.")
    ] = ("custodian",)

    decisions: Annotated[
        tuple[Decide, ...],
        Field(
            description="What a person may decide of an object whose pixels are held: `mask`, `leave_out`, "
            "and `pass` (it leaves as it is), which is allowed only where it stands here."
        ),
    ] = (Decide.MASK, Decide.LEAVE_OUT)

    @property
    def profiles(self) -> tuple[str, ...]:
        """All profiles that may be asked for, its own first."""
        longitudinal = () if self.longitudinal_profile is None else (self.longitudinal_profile,)
        return tuple(dict.fromkeys((self.profile, *longitudinal, *self.more_profiles)))


class DeidentificationRule(StudyRule):
    """Which studies are de-identified for which project by themselves, once complete in Orthanc."""

    project: Annotated[ProjectName, Field(description="For which project; one of `Projects`.")]
