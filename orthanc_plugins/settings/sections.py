"""The parts of the section ``PacsSuite``, each checked by itself."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - pydantic reads the annotations
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    HttpUrl,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    model_validator,
)

from orthanc_plugins.rules import ForwardingRule, RepairPolicy, SyncDirection, SyncRule, WindowText
from orthanc_plugins.rules.section import SECTION

StructureFormat = Literal["nifti", "stl", "json", "png", "pdf", "html", "obj", "ply", "glb"]
"""Masks, meshes, contours as JSON, pictures, the report and the page of surfaces."""

DoseMetric = Annotated[
    str, Field(pattern=r"^(D((100(\.0+)?|\d{1,2}(\.\d+)?)%|\d+(\.\d+)?cc)|V\d+(\.\d+)?Gy(\[cc\])?)$")
]
"""What can be read from a dose-volume histogram, by its usual name."""


class _Section(BaseModel):
    model_config = SECTION


class OrthancSettings(_Section):
    """How the suite reaches the Orthanc that hosts it."""

    url: Annotated[HttpUrl, Field(description="Root of Orthanc's REST API.")] = HttpUrl(
        "http://127.0.0.1:8042"
    )
    username: Annotated[str | None, Field(description="User for Orthanc's REST API.")] = None
    password: Annotated[SecretStr | None, Field(description="Password of that user.")] = None
    timeout_s: Annotated[PositiveFloat, Field(description="Seconds until a request is given up.")] = 30.0


class SignOnSettings(_Section):
    """Who asks, where a reverse proxy has people sign in and not Orthanc."""

    user_header: Annotated[
        str | None,
        Field(
            description="Header in which a trusted reverse proxy says who has signed in there, such as "
            "`Remote-User`; no proxy is believed when not set. The proxy must take it, and `X-Proxy-Secret`, "
            "out of what clients send.",
            pattern=r"^[A-Za-z0-9-]{1,64}$",
        ),
    ] = None
    proxy_secret: Annotated[
        SecretStr | None,
        Field(
            description="What that proxy sends in `X-Proxy-Secret`, of 16 characters or more: without it the "
            "header of the user does not count.",
            min_length=16,
        ),
    ] = None

    @model_validator(mode="after")
    def _header_and_secret(self) -> Self:
        if (self.user_header is None) != (self.proxy_secret is None):
            raise ValueError(
                "give UserHeader and ProxySecret both: without a secret, anybody who reaches Orthanc could "
                "say to be another"
            )
        return self


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
    stored_objects: Annotated[
        tuple[Literal["seg", "sr", "stl"], ...],
        Field(
            description="Results stored back into Orthanc, in the same study: `seg` masks as a DICOM "
            "Segmentation, `sr` measurements (TID 1500; the segmentation comes with it), `stl` surfaces."
        ),
    ] = ()


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
    calling_aet: Annotated[
        str | None,
        Field(
            description="AE title by which the suite sends to it; Orthanc's own (`DicomAet`) when not set.",
            min_length=1,
            max_length=16,
        ),
    ] = None
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
            description="Port on which a worker waits for DCM4CHEE's answer to that; a rule with "
            "`StorageCommitment` needs it.",
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


class LabelSettings(_Section):
    """Labels on the studies in Orthanc that tell how each stands."""

    enabled: Annotated[
        bool,
        Field(description="Keep labels on studies; where not, those that the suite has put are taken away."),
    ] = True
    prefix: Annotated[
        str | None,
        Field(
            description="Stands before each label, such as `pacs-`, where a site uses such words itself.",
            pattern=r"^[A-Za-z0-9_-]{1,32}$",
        ),
    ] = None


TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
"""A time of the day on the clock of the machine, such as ``02:00``."""


def _each_named_once[Rule: (ForwardingRule, SyncRule)](rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Return rules that each have a name of their own: transfers, trials and history go by it."""
    names = [rule.name for rule in rules]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"Each rule needs a name of its own, and several are called {', '.join(twice)}")
    return rules


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
        AfterValidator(_each_named_once),
        Field(description="Another direction for some studies; the first rule that matches one decides."),
    ] = ()
    nightly_at: Annotated[
        TimeOfDay,
        Field(
            description="When, each night, everything is listed anew on both sides (this machine's clock)."
        ),
    ] = "02:00"
    content_pass: Annotated[
        WindowText | None,
        Field(
            description="Hours in which the content of what changed since it was compared is compared, such "
            "as `Sat-Sun 00:00-06:00`, written as in a rule of forwarding; only when asked for when not set."
        ),
    ] = None


class ForwardingSettings(_Section):
    """What is sent on to DCM4CHEE when a study is complete in Orthanc."""

    rules: Annotated[
        tuple[ForwardingRule, ...],
        AfterValidator(_each_named_once),
        Field(description="Which studies; see the section on forwarding."),
    ] = ()
    match: Annotated[
        Literal["first", "all"],
        Field(
            description="Whether the first rule that matches decides, or all do. With `all` an instance goes "
            "once: at once where one of the rules that want it has no hours, else in the hours of any, and "
            "by the transport of the first of those."
        ),
    ] = "first"
    bandwidth_limit_mb_s: Annotated[
        PositiveFloat | None,
        Field(
            description="Megabytes a second that all transfers of a worker may take; no limit when not set."
        ),
    ] = None


class RetentionSettings(_Section):
    """How long the suite keeps what it found and did; a worker removes what is older once a day."""

    history_days: Annotated[
        PositiveInt, Field(description="Days that rounds of synchronisation and changes they found are kept.")
    ] = 90
    undo_days: Annotated[
        PositiveInt,
        Field(description="Days after its end that a repair can be undone: files from before its changes."),
    ] = 30
    repair_days: Annotated[
        PositiveInt,
        Field(description="Days that a repair is known, with its plan and values; at least `UndoDays`."),
    ] = 365
    report_days: Annotated[
        PositiveInt,
        Field(
            description="Days that reports of everything are kept, and comparisons of studies that neither "
            "archive holds any more."
        ),
    ] = 30
    preview_hours: Annotated[
        PositiveInt,
        Field(description="Hours that a preview of a de-identification is kept: values and pictures."),
    ] = 24
    held_picture_days: Annotated[
        PositiveInt,
        Field(description="Days that pictures of objects are kept which wait for a person's decision."),
    ] = 30


class RepairSettings(RepairPolicy):
    """What repairs do by themselves, and how."""

    transport: Annotated[
        Literal["stow", "c-store"],
        Field(
            description="How missing instances are copied to DCM4CHEE: DICOMweb or DIMSE. By default it lets "
            "only what came by `c-store` be replaced later, by who sent it."
        ),
    ] = "stow"

    @property
    def policy(self) -> RepairPolicy:
        """What a plan is made by."""
        return RepairPolicy.model_validate(self.model_dump(exclude={"transport"}))
