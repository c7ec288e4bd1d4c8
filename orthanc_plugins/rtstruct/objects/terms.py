"""Codes of what a region is: by its name after AAPM TG-263, or by its RT ROI Interpreted Type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

if TYPE_CHECKING:
    from orthanc_plugins.rtstruct.reading.structure_set import Region

_ORGANS = {
    "adrenal": codes.SCT.AdrenalGland,
    "aorta": codes.SCT.Aorta,
    "bladder": codes.SCT.Bladder,
    "body": codes.SCT.EntireBody,
    "brain": codes.SCT.Brain,
    "brainstem": codes.SCT.BrainStem,
    "breast": codes.SCT.Breast,
    "breasts": codes.SCT.Breast,
    "chiasm": codes.SCT.OpticChiasm,
    "opticchiasm": codes.SCT.OpticChiasm,
    "colon": codes.SCT.Colon,
    "duodenum": codes.SCT.Duodenum,
    "esophagus": codes.SCT.Esophagus,
    "oesophagus": codes.SCT.Esophagus,
    "eye": codes.SCT.Eye,
    "femur": codes.SCT.Femur,
    "gallbladder": codes.SCT.Gallbladder,
    "heart": codes.SCT.Heart,
    "hippocampus": codes.SCT.Hippocampus,
    "kidney": codes.SCT.Kidney,
    "larynx": codes.SCT.Larynx,
    "lens": codes.SCT.Lens,
    "liver": codes.SCT.Liver,
    "lung": codes.SCT.Lung,
    "lungs": codes.SCT.Lung,
    "mandible": codes.SCT.Mandible,
    "opticnrv": codes.SCT.OpticNerve,
    "ovary": codes.SCT.Ovary,
    "pancreas": codes.SCT.Pancreas,
    "parotid": codes.SCT.ParotidGland,
    "pituitary": codes.SCT.Pituitary,
    "prostate": codes.SCT.Prostate,
    "rectum": codes.SCT.Rectum,
    "seminalves": codes.SCT.SeminalVesicle,
    "skin": codes.SCT.Skin,
    "spinalcord": codes.SCT.SpinalCord,
    "spine": codes.SCT.Spine,
    "spleen": codes.SCT.Spleen,
    "stomach": codes.SCT.Stomach,
    "submandibular": codes.SCT.SubmandibularGland,
    "glnd_submand": codes.SCT.SubmandibularGland,
    "glnd_thyroid": codes.SCT.Thyroid,
    "glnd_adrenal": codes.SCT.AdrenalGland,
    "thyroid": codes.SCT.Thyroid,
    "trachea": codes.SCT.Trachea,
    "uterus": codes.SCT.Uterus,
}
_TARGETS = {
    "gtv": codes.SCT.GrossTumorVolume,
    "ctv": codes.SCT.ClinicalTargetVolume,
    "ptv": codes.SCT.PlanningTargetVolume,
}
_SIDES = ("_l", "_r")
_ANATOMY = codes.SCT.AnatomicalStructure
_CONCEPT = codes.SCT.SpatialAndRelationalConcept
_SCHEME = "99PACSSUITE"
UNKNOWN = Code("REGION", _SCHEME, "Region of a structure set")
INTENSITY = Code("INTENSITY", _SCHEME, "Intensity of the image")


def category_and_type(region: Region) -> tuple[Code, Code]:
    """Return Segmented Property Category and Type of a region; a private type where no term is known.

    >>> from orthanc_plugins.rtstruct.reading.structure_set import Region
    >>> [category_and_type(Region(1, name))[1].meaning for name in ("Lung_L", "x-ray", "PTV_60")]
    ['Lung', 'Region of a structure set', 'Planning target volume (observable entity)']
    """
    name, kind = region.name.strip().casefold(), region.interpreted_type.strip().casefold()
    target = _TARGETS.get(kind) or _TARGETS.get(name[:3])
    if target is not None:
        return _CONCEPT, target
    organ = _ORGANS.get(name) or (_ORGANS.get(name[:-2]) if name.endswith(_SIDES) else None)
    if organ is None and kind == "external":
        organ = codes.SCT.EntireBody
    return (_ANATOMY, organ) if organ is not None else (_CONCEPT, UNKNOWN)
