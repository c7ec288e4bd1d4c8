"""The suite's own: ``… run_ours HOW PROFILE CUSTODY``.

HOW is "engine" (identity gathered from all files, then each made anew), "objects" (as a release makes them,
with pixels searched for text, and without its check) or "release" (checked, and written only then).
A study that is held because one number seems to be that of two persons is settled: somebody has looked.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from orthanc_plugins import __version__
from orthanc_plugins.custody.forms import PatientForm
from orthanc_plugins.custody.keys import create_key
from orthanc_plugins.custody.numbers import NumberRegister
from orthanc_plugins.deid.gathering import Gathered, gathered
from orthanc_plugins.deid.profile import load_profile
from orthanc_plugins.deid.wire import read_part10
from orthanc_plugins.errors import DeidError, InvalidDicom
from orthanc_plugins.pseudonyms import Pseudonyms
from orthanc_plugins.release import Project, State, release, sorted_studies
from orthanc_plugins.release.inputs import Identity, StudyInput
from orthanc_plugins.release.instances import Maker
from orthanc_plugins.release.project import is_public
from tests.bench.deid.drivers.serving import serve

if TYPE_CHECKING:
    from collections.abc import Iterable

    from orthanc_plugins.pseudonyms import PatientKey
    from orthanc_plugins.release import Outcome
    from tests.bench.deid.drivers.serving import Failures, Pairs

_STUDY_UID = 0x0020000D
_PROJECT = "bench"
_MOST_FINDINGS = 12


class Ours:
    """A project, and the three ways to have it work on a list of files."""

    def __init__(self, profile: str, custody: Path) -> None:
        key = create_key(custody, _PROJECT)
        taken = load_profile(profile)
        form = PatientForm.of_kind(taken.patients or "keyed")
        NumberRegister.create(custody, _PROJECT, Pseudonyms(key.secret, is_public).key_id, form)
        self.project = Project.opened(_PROJECT, custody, taken, __version__)

    def engine(self, pairs: Pairs) -> Failures:
        """Gather what all files say of persons, then read, make and write each."""
        known: dict[str, Gathered] = {}
        studies: dict[PatientKey, StudyInput] = {}
        for source, _ in pairs:
            found = known[source] = gathered(read_part10(Path(source).read_bytes()))
            study = studies.setdefault(
                found.patient, StudyInput(found.patient, found.texts[_STUDY_UID], Identity())
            )
            study.identity.add(found)
        subjects = {patient: self.project.subject(study) for patient, study in studies.items()}
        for source, target in pairs:
            found = known[source]
            file = read_part10(Path(source).read_bytes())
            new = self.project.engine.deidentified(file, found, subjects[found.patient])
            with Path(target).open("wb") as written:
                written.writelines(new.pieces)
        return {}

    def objects(self, pairs: Pairs) -> Failures:
        """Make every object as a release does; what fails is told by the kind of refusal."""
        targets = {Path(source): Path(target) for source, target in pairs}
        found = sorted_studies(targets)
        failed = {f"{fault.path}": f"refused: {fault.reason}" for fault in found.faults}
        for study in found.studies:
            self.project.settle(study)
            failed.update(self._study(study, targets))
        return failed

    def _study(self, study: StudyInput, targets: dict[Path, Path]) -> Iterable[tuple[str, str]]:
        folder = next(iter(targets.values())).parent / ".made"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        try:
            maker = Maker(self.project.engine, self.project.subject(study), folder)
            for source in study.files.values():
                made = maker.made(source)
                if made.file is None:
                    yield f"{source}", f"{'held' if made.is_held else 'refused'}: {made.reason}"
                else:
                    made.file.replace(targets[source])
        except (DeidError, InvalidDicom) as error:
            yield from ((f"{source}", f"refused: {error}") for source in study.files.values())
        finally:
            shutil.rmtree(folder)

    def release(self, pairs: Pairs) -> Failures:
        """Release every study into the folder of the first target; what does not leave is told."""
        found = sorted_studies(Path(source) for source, _ in pairs)
        failed = {f"{fault.path}": f"refused: {fault.reason}" for fault in found.faults}
        for study in found.studies:
            outcome = release(study, self.project, Path(pairs[0][1]).parent)
            if outcome.state is not State.RELEASED:
                why = f"{outcome.state}: {outcome.reason} {_findings(outcome)}"
                failed |= dict.fromkeys(map(str, study.files.values()), why)
        return failed


def _findings(outcome: Outcome) -> str:
    """Return what the check found, alike ones together."""
    found = outcome.check.findings if outcome.check is not None else ()
    alike = Counter(f"{one.check} {one.location} {one.text}" for one in found)
    return "; ".join(f"{text} ({times} times)" for text, times in alike.most_common(_MOST_FINDINGS))


def main(how: str, profile: str, custody: str) -> None:
    """Serve one of the ways."""
    ours = Ours(profile, Path(custody))
    serve({"engine": ours.engine, "objects": ours.objects, "release": ours.release}[how])


if __name__ == "__main__":
    main(*sys.argv[1:])
