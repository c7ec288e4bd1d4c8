"""The sample case reaches a real Orthanc by the program that ``scripts/up`` sends it with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from scripts.lib.sample import SampleFailedError, send
from tests.builders import build_case
from tests.builders.images import ImageFrame
from tests.standin import running_plain_orthanc

if TYPE_CHECKING:
    from pathlib import Path


def test_files_below_a_folder_are_sent(tmp_path: Path) -> None:
    case = build_case(frame=ImageFrame(size=(4, 32, 32), spacing_mm=(4.0, 4.0), gap_mm=3.0), regions=1)
    case.write(tmp_path / "case")
    with running_plain_orthanc(tmp_path / "orthanc") as orthanc:
        send(tmp_path / "case", orthanc.dicom_port)
        told = requests.get(f"{orthanc.url}/statistics", timeout=10).json()
    assert told["CountInstances"] == 5
    with pytest.raises(SampleFailedError, match="storescu could not send the sample case"):
        send(tmp_path / "case", orthanc.dicom_port)
