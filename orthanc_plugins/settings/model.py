"""The section ``PacsSuite`` as one model; the environment wins over what stands there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, Field, HttpUrl, PositiveFloat, PositiveInt, SecretStr
from pydantic.alias_generators import to_pascal
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from orthanc_plugins.settings.deidentification import DeidentificationSettings, XnatSettings
from orthanc_plugins.settings.sections import (
    Dcm4cheeSettings,
    ForwardingSettings,
    LabelSettings,
    OrthancSettings,
    RepairSettings,
    RetentionSettings,
    SignOnSettings,
    StructureSettings,
    SynchronisationSettings,
    UploadSettings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

ENVIRONMENT_PREFIX = "ORTHANC__PACS_SUITE__"


class Settings(BaseSettings):
    """The section ``PacsSuite``, complete and checked."""

    model_config = SettingsConfigDict(
        alias_generator=to_pascal,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_prefix_target="all",
        env_nested_delimiter="__",
    )

    data_directory: Annotated[
        Path, Field(description="Folder of the suite's own state: jobs, store, logs.")
    ] = Path("data")
    exports_directory: Annotated[
        Path | None, Field(description="Folder of the results; `exports` in the data directory when not set.")
    ] = None
    custody_directory: Annotated[
        Path | None,
        Field(
            description="Folder of the keys and registers of de-identification; `custody` in the data "
            "directory when not set. Whoever has it can find the patients again: keep it from what leaves."
        ),
    ] = None
    database_url: Annotated[
        SecretStr | None,
        Field(
            description="PostgreSQL for store and jobs, shared by all machines; SQLite files when not set."
        ),
    ] = None
    workers: Annotated[
        Literal["embedded", "external"],
        Field(
            description="`embedded`: Orthanc starts and supervises the worker. `external`: someone else does."
        ),
    ] = "embedded"
    worker_concurrency: Annotated[
        PositiveInt, Field(description="Jobs one worker runs at the same time.")
    ] = 2
    transfer_concurrency: Annotated[
        PositiveInt,
        Field(description="Transfers and comparisons of archives one worker runs at the same time."),
    ] = 2
    worker_name: Annotated[
        str | None, Field(description="Name of this worker among all; the host name when not set.")
    ] = None
    python_executable: Annotated[
        str,
        Field(description="Python with the locked packages; runs the worker and lends Orthanc its packages."),
    ] = "python3"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], Field(description="Least severity that is logged.")
    ] = "INFO"
    ohif_url: Annotated[HttpUrl, Field(description="Address of OHIF as a user's browser sees it.")] = HttpUrl(
        "http://localhost:5173"
    )
    web_libraries: Annotated[
        Path,
        Field(description="Folder of the libraries of the suite's pages, named in `web/libraries.lock`."),
    ] = Path("/usr/local/pacs/web")
    sweep_interval_s: Annotated[
        PositiveFloat, Field(description="Seconds between two readings of Orthanc's change log.")
    ] = 30.0
    orthanc: OrthancSettings = OrthancSettings()
    sign_on: SignOnSettings = SignOnSettings()
    structures: StructureSettings = StructureSettings()
    uploads: UploadSettings = UploadSettings()
    dcm4chee: Annotated[Dcm4cheeSettings, Field(alias="Dcm4chee")] = Dcm4cheeSettings()
    synchronisation: SynchronisationSettings = SynchronisationSettings()
    forwarding: ForwardingSettings = ForwardingSettings()
    repair: RepairSettings = RepairSettings()
    retention: RetentionSettings = RetentionSettings()
    deidentification: DeidentificationSettings = DeidentificationSettings()
    xnat: XnatSettings = XnatSettings()
    labels: LabelSettings = LabelSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the section."""
        return tuple(
            InitSettingsSource(settings_cls, _by_alias(settings_cls, source()))
            for source in (env_settings, init_settings)
        )

    @property
    def exports(self) -> Path:
        """Folder of the results."""
        return self.exports_directory or self.data_directory / "exports"

    @property
    def custody(self) -> Path:
        """Folder of the keys and registers of de-identification."""
        return self.custody_directory or self.data_directory / "custody"

    @property
    def audit(self) -> Path:
        """Folder of the audit trail."""
        return self.data_directory / "audit"

    @property
    def identities(self) -> Path:
        """Folder of the sealed tables of who is behind a pseudonym; their keys are in custody."""
        return self.data_directory / "identities"

    @property
    def comparisons(self) -> Path:
        """Folder of what comparisons of archives found: patients' data."""
        return self.data_directory / "comparisons"

    @property
    def run_directory(self) -> Path:
        """Folder of what only lives as long as a process: locks, bells."""
        return self.data_directory / "run"

    @property
    def store_url(self) -> str:
        """SQLAlchemy address of the suite's own tables."""
        return self._url_of("pacs.sqlite")

    @property
    def jobs_url(self) -> str:
        """SQLAlchemy address of the durable jobs; a file of its own in SQLite, which locks whole files."""
        return self._url_of("jobs.sqlite")

    def _url_of(self, sqlite_name: str) -> str:
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{(self.data_directory / 'store' / sqlite_name).absolute()}"


def _by_alias(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by the names of the section, so that one setting never stands there under two names."""
    aliases = {name: field.alias or name for name, field in model.model_fields.items()}
    named = {aliases.get(key, key): value for key, value in values.items()}
    for name, field in model.model_fields.items():
        kind, value = field.annotation, named.get(aliases[name])
        if isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(value, dict):
            named[aliases[name]] = _by_alias(kind, value)
    return named
