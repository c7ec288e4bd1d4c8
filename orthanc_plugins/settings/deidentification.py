"""The parts of the section ``PacsSuite`` about de-identification and XNAT, each checked by itself."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads the annotations
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, HttpUrl, PositiveFloat, PositiveInt, SecretStr, model_validator

from orthanc_plugins.rules import (  # noqa: TC001 - likewise
    DeidentificationProject,
    DeidentificationRule,
    ProjectName,
)
from orthanc_plugins.rules.section import SECTION


class DeidentificationSettings(BaseModel):
    """Which studies are de-identified, for which projects, and where they go."""

    model_config = SECTION

    projects: Annotated[
        tuple[DeidentificationProject, ...],
        Field(description="The projects; see the section on de-identification."),
    ] = ()
    default_project: Annotated[
        ProjectName | None,
        Field(description="The project where none is named; the only one when there is one only."),
    ] = None
    rules: Annotated[
        tuple[DeidentificationRule, ...],
        Field(
            description="Which studies are de-identified by themselves once they are complete, and for which "
            "project; the first rule that a study meets decides."
        ),
    ] = ()
    profiles_directory: Annotated[
        Path | None, Field(description="Folder of the site's own profiles, beside those shipped.")
    ] = None
    concurrency: Annotated[
        PositiveInt, Field(description="Studies one worker de-identifies at the same time.")
    ] = 1
    processes: Annotated[
        PositiveInt, Field(description="Processes that share the work on one study of many objects.")
    ] = 1
    look_up_users: Annotated[
        tuple[str, ...],
        Field(
            description="Users of Orthanc (`RegisteredUsers`), or of the proxy of `SignOn`, who may look up "
            "who is behind a pseudonym; nobody else may, and nobody at all where neither asks for a user."
        ),
    ] = ()

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        names = [project.name for project in self.projects]
        for what, each in (("project", names), ("rule", [rule.name for rule in self.rules])):
            if twice := sorted({name for name in each if each.count(name) > 1}):
                raise ValueError(f"each {what} needs a name of its own, and several are {', '.join(twice)}")
        if self.default_project is not None and self.default_project not in names:
            raise ValueError("DefaultProject is none of Projects")
        strange = [rule.name for rule in self.rules if rule.project not in names]
        if strange:
            raise ValueError(f"the Project of the rule {', '.join(strange)} is none of Projects")
        return self


class XnatSettings(BaseModel):
    """How the suite reaches XNAT; without an address there is none."""

    model_config = SECTION

    url: Annotated[HttpUrl | None, Field(description="Root of XNAT, such as `https://xnat.hospital`.")] = None
    username: Annotated[str | None, Field(description="The suite's user there.")] = None
    password: Annotated[SecretStr | None, Field(description="Password of that user.")] = None
    alias_token: Annotated[
        str | None, Field(description="Alias of a token of XNAT, in place of user and password.")
    ] = None
    secret: Annotated[SecretStr | None, Field(description="Secret of that token.")] = None
    ca_file: Annotated[
        Path | None, Field(description="Certificates (PEM) its TLS is trusted by; the system's when not set.")
    ] = None
    timeout_s: Annotated[
        PositiveFloat, Field(description="Seconds without a byte until a request fails.")
    ] = 60.0
    transport: Annotated[
        Literal["import", "c-store"],
        Field(description="How studies are sent: `import` (REST) or `c-store` (DICOM)."),
    ] = "import"
    aet: Annotated[
        str, Field(description="AE title of XNAT's receiver, for `c-store`.", min_length=1, max_length=16)
    ] = "XNAT"
    dicom_host: Annotated[
        str | None, Field(description="Host of the receiver; that of `Xnat.Url` when not set.")
    ] = None
    dicom_port: Annotated[int, Field(description="Port of the receiver.", gt=0, le=65535)] = 8104
    install_script: Annotated[
        bool,
        Field(description="Put the suite's anonymisation script on a project that has another, or none."),
    ] = False

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        for first, second in (("username", "password"), ("alias_token", "secret")):
            if (getattr(self, first) is None) != (getattr(self, second) is None):
                raise ValueError(
                    "give Username and Password, or AliasToken and Secret, each with its other half"
                )
        if self.username is not None and self.alias_token is not None:
            raise ValueError("give Username and Password, or AliasToken and Secret, not both")
        if self.url is None and (self.username is not None or self.alias_token is not None):
            raise ValueError("who the suite is at XNAT is given, and not where XNAT is: give Url")
        return self
