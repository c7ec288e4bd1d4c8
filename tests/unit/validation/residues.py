"""What the search finds in a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.validation.studies import Study, de_identified

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

    from orthanc_plugins.validation import Finding


def residual(study: Study, folder: Path) -> list[Finding]:
    return [one for one in study.findings(folder) if one.check == "residual"]


def remade(study: Study, name: str) -> FileDataset:
    """Make the released object anew, after its original was changed."""
    study.released[name] = de_identified(study.originals[name])
    return study.released[name]
