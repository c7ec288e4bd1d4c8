"""The whole corpus: patients, their studies, and what each holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.builders.planted.attributes import add_attributes
from tests.builders.planted.documents import add_documents
from tests.builders.planted.drawn import add_overlays, add_photograph, add_screen, add_ultrasound
from tests.builders.planted.echoes import add_echoes
from tests.builders.planted.enhanced import add_enhanced
from tests.builders.planted.hostile import add_hostile
from tests.builders.planted.key import Interval
from tests.builders.planted.ledger import Ledger
from tests.builders.planted.malformed import add_malformed
from tests.builders.planted.overlays import add_presentation, add_registration, add_segmentation
from tests.builders.planted.people import new_patient, new_visit
from tests.builders.planted.plans import add_brachy_plan, add_dose, add_plan
from tests.builders.planted.reports import add_key_objects, add_report, add_simple_report
from tests.builders.planted.scripts import add_scripts
from tests.builders.planted.signals import add_ecg
from tests.builders.planted.slices import add_ct, add_mr, add_pt
from tests.builders.planted.structures import add_structure_set
from tests.builders.planted.tokens import Tokens

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import Dataset

    from tests.builders.planted.key import Corpus
    from tests.builders.planted.people import Visit


def build_corpus(folder: Path, *, seed: int = 0) -> Corpus:
    """Write the corpus into a folder and return its key; equal seeds give equal bytes."""
    tokens = Tokens(seed)
    ledger = Ledger(folder, tokens)
    patient = new_patient(tokens, born=1950, sex="F")
    planning = new_visit(tokens, patient, "planning", year=2017)
    follow_up = new_visit(tokens, patient, "follow_up", year=2020)
    images = _add_planning(ledger, planning)
    _add_follow_up(ledger, follow_up, images)
    _note_interval(ledger, planning, follow_up)
    _add_namesakes(ledger)
    add_scripts(ledger)
    add_hostile(ledger, ledger.corpus.path("planning/ct_1.dcm").read_bytes())
    ledger.settle()
    return ledger.corpus


def _add_planning(ledger: Ledger, visit: Visit) -> list[Dataset]:
    """Write a study of radiotherapy and what is said of it; return its CT images."""
    images = add_ct(ledger, visit)
    add_pt(ledger, visit)
    structure_set = add_structure_set(ledger, visit, images)
    plan = add_plan(ledger, visit, structure_set)
    add_brachy_plan(ledger, visit, structure_set)
    add_dose(ledger, visit, plan, structure_set)
    add_report(ledger, visit, images[:3])
    add_simple_report(ledger, visit, images[:3])
    add_key_objects(ledger, visit, images[:2])
    add_presentation(ledger, visit, images[:2])
    add_segmentation(ledger, visit, images)
    return images


def _add_follow_up(ledger: Ledger, visit: Visit, earlier: list[Dataset]) -> None:
    """Write a later study of the same patient that refers to the first."""
    images = add_mr(ledger, visit)
    add_registration(ledger, visit, images, earlier[:3])
    enhanced = add_enhanced(ledger, visit, images)
    add_enhanced(ledger, visit, [enhanced], label="derived")


def _note_interval(ledger: Ledger, earlier: Visit, later: Visit) -> None:
    between = (later.day - earlier.day).days
    ledger.corpus.intervals.append(Interval(earlier.label, later.label, between))


def _add_namesakes(ledger: Ledger) -> None:
    """Write studies of two persons, one over 89 years old, to whom one number was given."""
    tokens = ledger.tokens
    old = new_patient(tokens, born=1926, sex="M")
    young = new_patient(tokens, born=1988, sex="F", patient_id=old.patient_id)
    first = new_visit(tokens, old, "elder", year=2020)
    second = new_visit(tokens, young, "younger", year=2019)
    ledger.corpus.namesakes.append((first.label, second.label))
    for visit in (first, second):
        add_screen(ledger, visit)
    add_ultrasound(ledger, first)
    add_ecg(ledger, first)
    add_documents(ledger, first)
    add_malformed(ledger, first)
    add_echoes(ledger, first)
    add_photograph(ledger, second)
    add_overlays(ledger, second)
    add_attributes(ledger, second)
