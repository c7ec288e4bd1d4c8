"""The certificate of a study: signed, kept beside it, and made anew where it has to be."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from orthanc_plugins.certificates import Verdict, load_signing_key, opened, verify
from orthanc_plugins.certificates.wording import told as told_in_words
from orthanc_plugins.store import ReleaseFiles
from orthanc_plugins.workflows import deidentify_study, release_certificate
from tests.unit.workflows.deidentification.seen import certificate_in

if TYPE_CHECKING:
    from datetime import tzinfo

    import pytest

    from tests.unit.workflows.deidentified import Rig


def test_the_certificate_is_signed_kept_and_beside_the_study(rig: Rig) -> None:
    rig.run()
    release = rig.release()
    files = ReleaseFiles(rig.services.data)
    kept = files.read(release.release_id, "certificate.json")
    assert kept is not None
    envelope = opened(kept)
    assert verify(envelope, [load_signing_key(rig.custodian.folder).public]) is Verdict.VALID
    certificate = envelope.certificate
    assert (certificate.digest, certificate.outcome) == (release.certificate_sha256, "confirmed")
    assert certificate.delivery is not None
    assert certificate.delivery.subject == "ANON00001"
    names = sorted(rig.destination.attached)
    assert [name.rpartition(".")[2] for name in names] == ["json", "pdf"]
    assert rig.destination.attached[names[0]] == kept
    assert rig.destination.attached[names[1]] == files.read(release.release_id, "certificate.pdf")


def test_the_certificate_has_the_digests_of_what_came_back(rig: Rig) -> None:
    rig.run()
    certificate = certificate_in(rig)
    held = {
        uid: hashlib.sha256(content + b"relabelled").hexdigest()
        for uid, content in rig.destination.held.items()
    }
    assert {PurePosixPath(one.path).stem: one.sha256_stored for one in certificate.study.files} == held
    assert certificate.delivery is not None
    assert certificate.delivery.read_back is not None
    assert certificate.delivery.read_back.identical == 0


def test_what_the_destination_changed_is_told_as_it_was(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = dict.fromkeys(("0008,1030", "0010,0010", "0010,0020", "0012,0064", "0040,0009"), 3)
    deliver = rig.destination.deliver
    monkeypatch.setattr(rig.destination, "deliver", lambda parcel: replace(deliver(parcel), changes=changes))
    rig.run()
    delivery = certificate_in(rig).delivery
    assert delivery is not None
    assert delivery.read_back is not None
    told = {one.keyword: one.what.split(" here")[0] for one in delivery.read_back.changes}
    relabelled = "The destination writes its name of project, subject or session"
    assert told == {
        "StudyDescription": relabelled,
        "PatientName": relabelled,
        "PatientID": relabelled,
        "DeidentificationMethodCodeSequence": "The destination adds",
        "ScheduledProcedureStepID": "It told nothing, being empty or a dummy; the destination leaves it out.",
    }


def test_objects_that_are_of_an_earlier_release_alone_are_told(rig: Rig) -> None:
    rig.run()
    rig.orthanc.delete(rig.orthanc.instance_ids(rig.study)[0])
    assert rig.run() == {"outcome": "certified", "instances": 2}
    told = "1 object stands there that this certificate does not cover"
    assert rig.release().reason.startswith(told)
    parts = dict(fact for part in told_in_words(certificate_in(rig)) for fact in part.facts)
    assert parts["Besides"].startswith(told)


class AnHourLater(datetime):
    """The time in an hour."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> AnHourLater:
        later = datetime.now(tz) + timedelta(hours=1)
        return cls.fromtimestamp(later.timestamp(), tz)


def test_what_was_taken_away_is_delivered_anew_with_another_certificate(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.run()
    first = rig.release().certificate_sha256
    rig.destination.held.clear()
    rig.destination.attached.clear()
    for module in (deidentify_study, release_certificate):
        monkeypatch.setattr(module, "datetime", AnHourLater)
    rig.run()
    release = rig.release()
    assert (len(rig.destination.held), len(rig.destination.attached)) == (3, 2)
    assert release.certificate_sha256 == certificate_in(rig).digest != first
