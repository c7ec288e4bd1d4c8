"""What a certificate says in words is what it holds."""

from __future__ import annotations

import pytest

from orthanc_plugins.certificates import certificate_of
from orthanc_plugins.certificates.wording import told
from tests.unit.certificates.samples import BEGAN, ISSUED, certificate, report


def _facts(title: str, **changes: object) -> dict[str, str]:
    parts = {part.title: dict(part.facts) for part in told(certificate(**changes))}
    return parts[title]


def _action(action: str, keyword: str, times: int, tag: str = "0010,0010") -> dict[str, object]:
    return {"action": action, "tag": tag, "keyword": keyword, "times": times}


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("X", "removed, 1 time: A (1)"),
        ("X/Z", "removed or emptied, as the attribute's Type asks, 1 time: A (1)"),
        ("X/Z/U*", "removed, emptied or UIDs inside replaced, as the attribute's Type asks, 1 time: A (1)"),
        ("C", "cleaned: dates moved, words that may not stay removed, 1 time: A (1)"),
        ("new", "new, 1 time: A (1)"),
    ],
)
def test_an_action_is_told_in_words(action: str, words: str) -> None:
    assert _facts("What was done", actions=[_action(action, "A", 1)])[action] == words


def test_the_patients_name_and_identifier_are_told_to_be_the_pseudonym() -> None:
    actions = [
        _action("Z", "PatientName", 61), _action("Z/D", "PatientID", 60), _action("doubt", "PatientID", 1),
        _action("Z", "StudyID", 61),
    ]  # fmt: skip
    found = _facts("What was done", actions=actions)
    assert found["Patient"] == "replaced by the pseudonym, 121 times: PatientName (61), PatientID (60)"
    assert found["Z"] == "emptied, 61 times: StudyID (61)"
    assert found["doubt"] == (
        "removed, emptied or a dummy, as it was not what the dictionary says, or named somebody, "
        "1 time: PatientID (1)"
    )
    assert "Z/D" not in found


def test_of_many_attributes_those_most_often_treated_are_named() -> None:
    actions = [_action("X", f"A{number:02}", 1000 + number) for number in range(18)]
    actions += [_action("X", "", 5, "0019,1010"), _action("X", "", 6, "0019,1011")]
    found = _facts("What was done", actions=actions)["X"]
    assert found.startswith("removed, 18,164 times: A17 (1,017), A16 (1,016), ")
    assert (
        "A02 (1,002), 2 other attributes (see the certificate's JSON), 2 attributes without a name" in found
    )
    assert found.endswith(" (11)")


def test_a_study_that_keeps_its_uids_does_not_call_them_new() -> None:
    assert "Study Instance UID (new)" in _facts("De-identification certificate")
    whole = report()
    whole["method_codes"] = ["113100", "113110"]
    found = certificate_of(whole, whole["studies"][0], began=BEGAN, issued=ISSUED)
    assert "Study Instance UID (retained)" in dict(next(told(found)).facts)


def test_pixels_that_nobody_looked_at_are_told() -> None:
    found = _facts("What was done", pixels={"looked_at": 0, "masked": 0})
    assert found["Text in pixels"] == "not looked for"


def test_a_check_that_is_not_known_here_is_named_all_the_same() -> None:
    check = report()["studies"][0]["check"] | {"checks": ["residual", "novel"]}
    assert _facts("What was checked before it left", check=check)["novel"] == "no errors, no warnings"
