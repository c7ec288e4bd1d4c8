"""The shim's configuration: one JSON file."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_pascal

OverwritePolicy = Literal["NEVER", "SAME_SOURCE", "ALWAYS"]
"""dcmOverwritePolicy: whether a second object of the same SOP Instance UID takes the place of the first."""


class Configuration(BaseModel):
    """How the shim is reached, where its Orthanc is, and in which state of configuration it plays dcm4chee.

    Parameters
    ----------
    port
        Where the shim listens, on 127.0.0.1.
    orthanc_url
        Root of the REST API of the Orthanc behind it.
    state_file
        SQLite file of rejections, receive times and attributes; made when it is not there.
    clock_skew_s
        Seconds by which the archive's clock is ahead of this machine's.
    overwrite_policy
        dcmOverwritePolicy; dcm4chee's own configuration says ``SAME_SOURCE``.
    accept_missing_patient_id
        ``CREATE``: an object without Patient ID is given one; ``NO``: it is refused with A777.
    qido_max_number_of_results
        dcmQidoMaxNumberOfResults: the most matches of one answer.
    """

    model_config = ConfigDict(
        alias_generator=to_pascal,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    port: int = Field(gt=0, lt=65536)
    orthanc_url: str
    state_file: Path
    aet: str = "DCM4CHEE"
    clock_skew_s: float = 0.0
    overwrite_policy: OverwritePolicy = "SAME_SOURCE"
    accept_missing_patient_id: Literal["CREATE", "NO"] = "CREATE"
    qido_max_number_of_results: int = Field(default=1000, gt=0)


def read_configuration(path: Path) -> Configuration:
    """Return the configuration of a JSON file.

    Raises
    ------
    ValueError
        It is no JSON, a key is unknown or a value is not one this key can have.
    """
    return Configuration.model_validate_json(path.read_text(encoding="utf-8"))
