"""The whole configuration of the suite on one page.

The section ``PacsSuite`` of Orthanc's own configuration is read first; environment variables
``ORTHANC__PACS_SUITE__…`` win over it. ``{"Orthanc": {"TimeoutS": 5}}`` in the section and
``ORTHANC__PACS_SUITE__ORTHANC__TIMEOUT_S=5`` in the environment are the same setting. A misspelt
key or variable stops the start. Only the entry points see settings; every room below is handed
plain values.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    ValidationError,
)
from pydantic.alias_generators import to_pascal
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from orthanc_plugins.errors import ConfigurationError
from orthanc_plugins.rules import ForwardingRule, RepairPolicy, SyncDirection, SyncRule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydantic_core import ErrorDetails

SECTION = "PacsSuite"
ENVIRONMENT_PREFIX = "ORTHANC__PACS_SUITE__"
CONFIGURATION_FILE_VARIABLE = "PACS_SUITE_CONFIGURATION"
"""Names the JSON file that holds the section, for processes that Orthanc does not host."""

StructureFormat = Literal["nifti", "stl", "json", "png", "pdf", "html", "obj", "ply", "glb"]
"""Masks, meshes, contours as JSON, pictures, the report and the page of surfaces."""

DoseMetric = Annotated[
    str, Field(pattern=r"^(D((100(\.0+)?|\d{1,2}(\.\d+)?)%|\d+(\.\d+)?cc)|V\d+(\.\d+)?Gy(\[cc\])?)$")
]
"""What can be read from a dose-volume histogram, by its usual name."""


class _Section(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_pascal,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )


class OrthancSettings(_Section):
    """How the suite reaches the Orthanc that hosts it."""

    url: Annotated[HttpUrl, Field(description="Root of Orthanc's REST API.")] = HttpUrl(
        "http://127.0.0.1:8042"
    )
    username: Annotated[str | None, Field(description="User for Orthanc's REST API.")] = None
    password: Annotated[SecretStr | None, Field(description="Password of that user.")] = None
    timeout_s: Annotated[PositiveFloat, Field(description="Seconds until a request is given up.")] = 30.0


class StructureSettings(_Section):
    """What is made of a structure set."""

    formats: Annotated[
        tuple[StructureFormat, ...],
        Field(description="Files made of a structure set; `results.json` always is."),
    ] = ("nifti", "stl", "json", "png", "pdf", "html")
    dose_metrics: Annotated[
        tuple[DoseMetric, ...],
        Field(
            description="Read from each dose-volume histogram: `D95%`, `D2cc`: dose to so much; `V20Gy`, "
            "`V20Gy[cc]`: volume above a dose."
        ),
    ] = ("D98%", "D95%", "D50%", "D2%", "D1cc", "D0.1cc", "V5Gy", "V10Gy", "V20Gy")
    compare_regions: Annotated[
        bool, Field(description="Compare every region with every other: a table in `results.json`.")
    ] = True
    process_existing: Annotated[
        bool, Field(description="At the first start, process the structure sets that Orthanc already holds.")
    ] = True
    mesh_detail: Annotated[
        Literal["full", "medium", "low"],
        Field(description="Cells of a mesh in the plane: at most 1.2, 2.5 or 5 mm."),
    ] = "full"
    mesh_frame: Annotated[
        Literal["LPS", "RAS"],
        Field(description="x, y, z of meshes: to the left, back, head, or to the right, front, head."),
    ] = "LPS"
    require_same_frame_of_reference: Annotated[
        bool, Field(description="Refuse images of another frame of reference than the contours'.")
    ] = True
    partial_volume: Annotated[
        bool, Field(description="Also write which share of each voxel a region fills, as 8-bit fractions.")
    ] = False


class UploadSettings(_Section):
    """What an upload through the suite may hold; a zip is judged by what it would unpack to."""

    largest_file_mb: Annotated[
        PositiveInt, Field(description="Megabytes of one uploaded file, unpacked; a larger one is rejected.")
    ] = 2000
    largest_total_mb: Annotated[
        PositiveInt, Field(description="Megabytes of one upload together, unpacked; more is refused whole.")
    ] = 20000


class Dcm4cheeSettings(_Section):
    """How the suite reaches the archive beside Orthanc; without an address there is none."""

    url: Annotated[
        HttpUrl | None,
        Field(
            description="Root of DCM4CHEE's DICOMweb, such as "
            "`http://archive:8080/dcm4chee-arc/aets/DCM4CHEE/rs`; without it there is no second archive."
        ),
    ] = None
    aet: Annotated[str, Field(description="Its AE title.", min_length=1, max_length=16)] = "DCM4CHEE"
    dicom_host: Annotated[
        str | None, Field(description="Host of its DICOM port; that of `Dcm4chee.Url` when not set.")
    ] = None
    dicom_port: Annotated[int, Field(description="Its DICOM port.", gt=0, le=65535)] = 11112
    dicom_tls: Annotated[bool, Field(description="Speak DICOM over TLS.")] = False
    commitment_aet: Annotated[
        str,
        Field(
            description="AE title by which the suite asks for storage commitment.",
            min_length=1,
            max_length=16,
        ),
    ] = "PACS_SUITE"
    commitment_port: Annotated[
        int | None,
        Field(
            description="Port on which a worker waits for DCM4CHEE's answer to that; not asked when not set.",
            gt=0,
            le=65535,
        ),
    ] = None
    username: Annotated[str | None, Field(description="User, where it asks for one (basic).")] = None
    password: Annotated[SecretStr | None, Field(description="Password of that user.")] = None
    token_url: Annotated[
        HttpUrl | None,
        Field(description="Where bearer tokens are had (Keycloak's `…/protocol/openid-connect/token`)."),
    ] = None
    client_id: Annotated[str | None, Field(description="The suite's client there.")] = None
    client_secret: Annotated[SecretStr | None, Field(description="Secret of that client.")] = None
    ca_file: Annotated[
        Path | None, Field(description="Certificates (PEM) its TLS is trusted by; the system's when not set.")
    ] = None
    timeout_s: Annotated[
        PositiveFloat, Field(description="Seconds without a byte until a request fails.")
    ] = 60.0


TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""A time of the day on the clock of the machine, such as ``02:00``."""


class SynchronisationSettings(_Section):
    """How both archives are kept in step."""

    interval_s: Annotated[
        PositiveFloat, Field(description="Seconds between two rounds that ask both archives what changed.")
    ] = 60.0
    direction: Annotated[
        SyncDirection,
        Field(
            description="Which way missing instances are copied: `none` (only found), `dcm4chee_to_orthanc`, "
            "`orthanc_to_dcm4chee` or `both`."
        ),
    ] = "none"
    rules: Annotated[
        tuple[SyncRule, ...],
        Field(description="Another direction for some studies; the first rule that matches one decides."),
    ] = ()
    nightly_at: Annotated[
        TimeOfDay,
        Field(
            description="When, each night, everything is listed anew on both sides (this machine's clock)."
        ),
    ] = "02:00"


class ForwardingSettings(_Section):
    """What is sent on to DCM4CHEE when a study is complete in Orthanc."""

    rules: Annotated[
        tuple[ForwardingRule, ...], Field(description="Which studies; see the section on forwarding.")
    ] = ()
    match: Annotated[
        Literal["first", "all"], Field(description="Whether the first rule that matches decides, or all do.")
    ] = "first"
    bandwidth_limit_mb_s: Annotated[
        PositiveFloat | None,
        Field(
            description="Megabytes a second that all transfers of a worker may take; no limit when not set."
        ),
    ] = None


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
    sweep_interval_s: Annotated[
        PositiveFloat, Field(description="Seconds between two readings of Orthanc's change log.")
    ] = 30.0
    orthanc: OrthancSettings = OrthancSettings()
    structures: StructureSettings = StructureSettings()
    uploads: UploadSettings = UploadSettings()
    dcm4chee: Dcm4cheeSettings = Dcm4cheeSettings()
    synchronisation: SynchronisationSettings = SynchronisationSettings()
    forwarding: ForwardingSettings = ForwardingSettings()
    repair: RepairPolicy = RepairPolicy()

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


def load_settings(configuration: Mapping[str, Any], environment: Mapping[str, str]) -> Settings:
    """Return the settings of Orthanc's configuration and the environment.

    Parameters
    ----------
    configuration
        Orthanc's whole configuration as parsed JSON; only the section ``PacsSuite`` is read.
    environment
        The process environment, looked at for misspelt variables (values are read by pydantic-settings).

    Raises
    ------
    ConfigurationError
        A key or variable is unknown, or a value is not valid. The text names it, never its value.
    """
    _refuse_unknown_variables(environment)
    section = configuration.get(SECTION, {})
    if not isinstance(section, dict):
        raise ConfigurationError(f"{SECTION} in Orthanc's configuration is not a section in braces.")
    try:
        return Settings(**section)
    except SettingsError as error:
        raise ConfigurationError(
            f"A variable {ENVIRONMENT_PREFIX}… must hold JSON and does not: {error}."
        ) from None
    except ValidationError as error:
        faults = " ".join(_told(fault, environment) for fault in error.errors(include_input=False))
        raise ConfigurationError(faults) from None


def _told(fault: ErrorDetails, environment: Mapping[str, str]) -> str:
    """Say what is wrong with a setting, and where it stands: in the environment or in the section."""
    place = fault["loc"]
    key = ".".join(str(part) for part in place)
    for variable, is_whole in _variables(place, environment):
        if is_whole and fault["type"] == "extra_forbidden":
            return f"The environment variable {variable} names no setting of the suite: check its spelling."
        which = "" if is_whole else f"{key}: "
        return f"The environment variable {variable} is not valid: {which}{fault['msg']}."
    return f"The section {SECTION} of Orthanc's configuration is not valid: {key}: {fault['msg']}."


def _variables(place: Sequence[str | int], environment: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
    """Yield the environment variables a setting may come from, and whether each is of it alone.

    One may hold a whole part of the section.
    """
    there = {name.upper(): name for name in environment}
    names = list(_names(Settings, place))
    for length in range(len(names), 0, -1):
        if found := there.get(ENVIRONMENT_PREFIX + "__".join(names[:length])):
            yield found, length == len(names)


def _names(model: type[BaseModel] | None, place: Sequence[str | int]) -> Iterator[str]:
    """Yield the parts of a setting's place as an environment variable has them."""
    for part in place:
        fields = model.model_fields if model is not None else {}
        name = next((name for name, field in fields.items() if part in {name, field.alias}), str(part))
        yield name.upper()
        kind = fields[name].annotation if name in fields else None
        model = kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings of the file that ``PACS_SUITE_CONFIGURATION`` names, for a process outside Orthanc.

    Raises
    ------
    ConfigurationError
        The file cannot be read or its content is not valid.
    """
    path = environment.get(CONFIGURATION_FILE_VARIABLE)
    if path is None:
        return load_settings({}, environment)
    try:
        configuration = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"The configuration {path} cannot be read as Orthanc's configuration in plain JSON: {error}."
        ) from error
    if not isinstance(configuration, dict):
        raise ConfigurationError(f"The configuration {path} is not a JSON object, as Orthanc's is.")
    return load_settings(configuration, environment)


def settings_table() -> str:
    """Return all settings as the rows of a Markdown table: key, environment variable, default, meaning."""
    lines = ["| key | environment variable | default | meaning |", "|---|---|---|---|"]
    return "\n".join([*lines, *_rows(Settings, "", ENVIRONMENT_PREFIX)]) + "\n"


def _rows(section: type[BaseModel], key_prefix: str, variable_prefix: str) -> Iterator[str]:
    for name, field in section.model_fields.items():
        key, variable = key_prefix + to_pascal(name), variable_prefix + name.upper()
        if isinstance(field.default, BaseModel):
            yield from _rows(type(field.default), f"{key}.", f"{variable}__")
        else:
            yield f"| `{key}` | `{variable}` | {_shown(field.default)} | {field.description} |"


def _shown(default: object) -> str:
    if default is None:
        return "not set"
    if isinstance(default, tuple):
        return f"`{json.dumps(default)}`"
    return f"`{json.dumps(default)}`" if isinstance(default, bool) else f"`{default}`"


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {name.upper() for name in Settings.model_fields}
    for variable in environment:
        if not variable.upper().startswith(ENVIRONMENT_PREFIX):
            continue
        first_level = variable.upper().removeprefix(ENVIRONMENT_PREFIX).split("__")[0]
        if first_level not in known:
            raise ConfigurationError(
                f"The environment variable {variable} names no setting of the suite: check its spelling."
            )
