"""A certificate says what a run tells of a study that left, and nothing that is not so."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from orthanc_plugins.certificates import Certificate, Delivery, Outcome, PolicyException, certificate_of
from orthanc_plugins.certificates.certificate import from_json, to_json
from orthanc_plugins.certificates.methods import MEANINGS, claim_of
from orthanc_plugins.errors import DeidError
from tests.unit.certificates.samples import (
    BEGAN,
    CT,
    DELIVERY,
    EXCEPTIONS,
    FILES,
    ISSUED,
    READ_BACK,
    RTSTRUCT,
    certificate,
    report,
)

if TYPE_CHECKING:
    from collections.abc import Callable

NEVER = re.compile(r"anonym|gdpr|hipaa|complian", re.IGNORECASE)


def made(whole: dict[str, Any], delivery: Delivery | None = None) -> Certificate:
    return certificate_of(whole, whole["studies"][0], began=BEGAN, issued=ISSUED, delivery=delivery)


def test_the_claim_names_edition_profile_and_options() -> None:
    assert certificate().claim == (
        "De-identified per PS3.15 2026d, Basic Application Confidentiality Profile with options: "
        "Clean Pixel Data (2 of 3), Clean Graphics, Clean Structured Content, Clean Descriptors, "
        "Retain Longitudinal Temporal Information Modified Dates, Retain Patient Characteristics; "
        "exceptions: 1."
    )


def test_options_have_their_codes_and_how_often_they_were_applied() -> None:
    found = [(method.code, method.instances) for method in certificate().methods]
    assert found == [
        ("113100", 3), ("113101", 2), ("113103", 3), ("113104", 3), ("113105", 3), ("113107", 3),
        ("113108", 3),
    ]  # fmt: skip


def test_the_codes_are_all_of_cid_7050() -> None:
    assert sorted(MEANINGS) == [str(code) for code in range(113100, 113113)]


def test_files_are_listed_by_path_below_the_study() -> None:
    study = certificate().study
    assert [file.path for file in study.files] == sorted(FILES)
    assert [(kind.uid, kind.name, kind.instances) for kind in study.sop_classes] == [
        (CT, "CT Image Storage", 2),
        (RTSTRUCT, "RT Structure Set Storage", 1),
    ]


def test_the_digest_of_files_is_that_of_what_sha256sum_prints() -> None:
    printed = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {path}\n" for path, (content, _) in sorted(FILES.items())
    )
    assert certificate().study.files_sha256 == hashlib.sha256(printed.encode()).hexdigest()


def test_what_was_done_checked_and_flagged_is_told() -> None:
    found = certificate()
    assert (found.policy.key_id, found.policy.digest, found.policy.profile) == (
        "37a0c7d3a7f25e32", "ab" * 32, "research_rt",
    )  # fmt: skip
    assert [(one.action, one.keyword, one.times) for one in found.actions] == [
        ("U", "StudyInstanceUID", 3), ("X", "", 2), ("X/Z/D", "InstitutionName", 3),
    ]  # fmt: skip
    assert (found.pixels.looked_at, found.pixels.masked) == (2, 1)
    assert [(face.reason, face.instances) for face in found.faces] == [("a description speaks of a head", 2)]
    assert {check.name: check.warnings for check in found.verification.checks if check.warnings} == {
        "conformance": 1
    }
    assert found.verification.bytes_searched == 123456


@pytest.mark.parametrize(
    ("delivery", "outcome"),
    [
        (None, Outcome.RELEASED),
        (replace(DELIVERY, read_back=None), Outcome.SENT),
        (DELIVERY, Outcome.CONFIRMED),
        (replace(DELIVERY, read_back=replace(READ_BACK, identical=3, changes=())), Outcome.CONFIRMED),
    ],
)
def test_the_outcome_is_how_far_it_came(delivery: Delivery | None, outcome: Outcome) -> None:
    assert made(report(), delivery).outcome is outcome


def test_limits_are_those_of_what_was_done() -> None:
    limits = " ".join(certificate().limits)
    assert "Faces were not removed" in limits
    assert "In 2 of 3 instances" in limits
    assert "the time between two examinations" in limits
    assert "they are listed with the reasons" in limits
    assert "1 of 3 instances dciodvfy did not judge as a whole" in limits
    whole = report()
    whole["studies"][0] |= {"faces": {}, "pixels": {"looked_at": 0, "masked": 0}}
    whole["studies"][0]["check"] = {**whole["studies"][0]["check"], "findings": []}
    whole["method_codes"] = ["113100"]
    plain = " ".join(made(whole).limits)
    assert "data stay personal data" in plain
    assert "The site must still" in plain
    assert "was not looked for" in plain
    assert not any(word in plain for word in ("Faces", "two examinations", "listed", "dciodvfy"))


def test_numbered_patients_are_not_said_to_be_made_with_the_key() -> None:
    numbered = made({**report(), "patients": "numbered"}).limits[0]
    assert "Patients are numbered by the project's register" in numbered
    assert "pseudonyms are made with" not in numbered
    for keyed in (report(), {**report(), "patients": "keyed"}):
        assert "The pseudonyms are made with the project's key" in made(keyed).limits[0]


def test_it_never_says_that_nobody_can_be_found_or_a_law_is_kept() -> None:
    whole = report()
    whole["method_codes"] = sorted(MEANINGS.keys() - {"113106"})
    assert NEVER.search(to_json(made(whole)).decode()) is None


@pytest.mark.parametrize(
    "said", ["fully anonymised", "Anonymous data", "It is GDPR compliant.", "HIPAA-compliant"]
)
def test_whoever_wants_it_said_gets_no_certificate(said: str) -> None:
    with pytest.raises(DeidError, match="says what was done"):
        replace(certificate(), limits=(said,))
    with pytest.raises(DeidError, match="says what was done"):
        certificate(faces={said: 1})
    changes = (replace(READ_BACK.changes[0], what=said),)
    with pytest.raises(DeidError, match="says what was done"):
        made(report(), replace(DELIVERY, read_back=replace(READ_BACK, changes=changes)))
    whole = report()
    with pytest.raises(DeidError, match="says what was done"):
        certificate_of(
            whole,
            whole["studies"][0],
            began=BEGAN,
            issued=ISSUED,
            exceptions=(PolicyException("SeriesDescription", "K", said),),
        )


def test_json_has_one_form_and_comes_back() -> None:
    found = certificate()
    text = to_json(found)
    assert from_json(text) == found
    assert from_json(json.dumps(json.loads(text), indent=3).encode()) == found
    again = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert again.encode() == text
    assert found.digest == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize("state", ["held", "refused", "", None])
def test_what_did_not_leave_has_no_certificate(state: object) -> None:
    with pytest.raises(DeidError, match="nothing to certify"):
        certificate(state=state)


def _without_check(study: dict[str, Any]) -> None:
    study["check"] = None


def _failed(study: dict[str, Any]) -> None:
    study["check"]["passed"] = False


def _with_error(study: dict[str, Any]) -> None:
    study["check"]["findings"][0]["severity"] = "error"


def _fewer_checked(study: dict[str, Any]) -> None:
    study["check"]["instances"] = 2


def _no_checks(study: dict[str, Any]) -> None:
    study["check"]["checks"] = []


def _no_files(study: dict[str, Any]) -> None:
    study["files"] = []


def _outside(study: dict[str, Any]) -> None:
    study["files"][0]["path"] = "elsewhere/x.dcm"


def _climbing(study: dict[str, Any]) -> None:
    study["files"][0]["path"] = f"{study['patient']}/{study['study_uid']}/../x.dcm"


def _twice(study: dict[str, Any]) -> None:
    study["files"][0]["path"] = study["files"][1]["path"]


def _original_name(study: dict[str, Any]) -> None:
    study["patient"] = "DOE^JANE"


def _too_many_pixels(study: dict[str, Any]) -> None:
    study["pixels"]["looked_at"] = 4


def _more_masked(study: dict[str, Any]) -> None:
    study["pixels"]["masked"] = 3


def _too_many_faces(study: dict[str, Any]) -> None:
    study["faces"] = {"a": 4}


def _lacking(study: dict[str, Any]) -> None:
    del study["actions"]


@pytest.mark.parametrize(
    "spoil",
    [
        _without_check, _failed, _with_error, _fewer_checked, _no_checks, _no_files, _outside, _climbing,
        _twice, _original_name, _too_many_pixels, _more_masked, _too_many_faces, _lacking,
    ],
)  # fmt: skip
def test_a_study_of_which_something_is_wrong_has_no_certificate(
    spoil: Callable[[dict[str, Any]], None],
) -> None:
    whole = report()
    spoil(whole["studies"][0])
    with pytest.raises(DeidError) as refused:
        made(whole)
    assert "DOE" not in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"method_codes": ["113103"]}, "Basic Profile"),
        ({"method_codes": ["113100", "999999"]}, "CID 7050"),
        ({"key_id": "secret"}, "key_id"),
        ({"policy": "ab"}, "digest"),
        ({"longitudinal": "SHIFTED"}, "longitudinal"),
    ],
)
def test_a_policy_that_is_none_has_no_certificate(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(DeidError, match=says):
        made(report() | changed)


@pytest.mark.parametrize(
    ("delivery", "says"),
    [
        (replace(DELIVERY, instances=2), "not all files were sent"),
        (replace(DELIVERY, at=BEGAN - timedelta(1)), "times"),
        (replace(DELIVERY, at=ISSUED + timedelta(1)), "times"),
        (replace(DELIVERY, read_back=replace(READ_BACK, instances=2)), "fetched and compared"),
        (replace(DELIVERY, read_back=replace(READ_BACK, identical=4)), "fetched and compared"),
        (replace(DELIVERY, read_back=replace(READ_BACK, changes=())), "no change is declared"),
        (replace(DELIVERY, read_back=replace(READ_BACK, identical=3)), "the other way round"),
        (replace(DELIVERY, read_back=replace(READ_BACK, identical=1)), "more files than were changed"),
    ],
)
def test_a_delivery_that_was_not_whole_has_no_certificate(delivery: Delivery, says: str) -> None:
    with pytest.raises(DeidError, match=says):
        made(report(), delivery)


@pytest.mark.parametrize(
    ("part", "name", "value", "says"),
    [
        ("", "format", "orthanc-pacs-suite certificate 2", "format"),
        ("", "claim", "De-identified.", "claim"),
        ("", "outcome", "released", "outcome"),
        ("", "limits", [], "limits"),
        ("study", "files_sha256", "00" * 32, "digest"),
        ("study", "files", [], "not all files were checked"),
        ("study", "sop_classes", [], "SOP classes"),
        ("verification", "checks", [], "checks"),
        ("policy", "exceptions", [], "claim"),
    ],
)
def test_a_certificate_that_contradicts_itself_is_not_read(
    part: str, name: str, value: object, says: str
) -> None:
    content = json.loads(to_json(certificate()))
    holder = content[part] if part else content
    holder[name] = value
    with pytest.raises(DeidError, match=says):
        from_json(json.dumps(content).encode())


def test_methods_have_their_order_and_meaning() -> None:
    content = json.loads(to_json(certificate()))
    content["methods"].reverse()
    with pytest.raises(DeidError, match="not in order"):
        from_json(json.dumps(content).encode())
    content["methods"].reverse()
    content["methods"][0]["meaning"] = "Clean Graphics Option"
    with pytest.raises(DeidError, match="another meaning"):
        from_json(json.dumps(content).encode())


def test_times_are_told_in_utc() -> None:
    whole = report()
    found = certificate_of(
        whole,
        whole["studies"][0],
        began=BEGAN.astimezone(None),
        issued=ISSUED.replace(microsecond=7),
        exceptions=EXCEPTIONS,
    )
    assert (found.began, found.issued) == (BEGAN, ISSUED)


def test_a_claim_without_options_says_so() -> None:
    assert claim_of("2026d", [("113100", 1)], 1, exceptions=0) == (
        "De-identified per PS3.15 2026d, Basic Application Confidentiality Profile without options."
    )
