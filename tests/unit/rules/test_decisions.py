"""What rules say of a study."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.identifiers import SeriesUid, StudyUid
from orthanc_plugins.rules import (
    ForwardingRule,
    SeriesFacts,
    StudyFacts,
    SyncRule,
    decide,
    direction_of,
    keywords_asked,
)
from orthanc_plugins.rules.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Mapping


def series(uid: str = "1", modality: str = "CT", aet: str | None = "CT1", **tags: str) -> SeriesFacts:
    aets = () if aet is None else (aet,)
    return SeriesFacts(SeriesUid(uid), modality, aets, tags, 10, 1000)


CT = series("1", "CT", BodyPartExamined="CHEST")
SET = series("2", "RTSTRUCT", "TPS", SeriesDescription="contours")
REPORT = series("3", "SR", None)
STUDY = StudyFacts(
    StudyUid("1.2"),
    ("research", "urgent"),
    {"StudyDescription": "CT Thorax", "PatientID": "P1", "BodyPartExamined": "WHOLE"},
    (CT, SET, REPORT),
)


def rule(name: str = "A", **conditions: Any) -> ForwardingRule:
    return ForwardingRule(name=name, **conditions)


def sent(one: ForwardingRule, facts: StudyFacts = STUDY) -> list[str]:
    (decision,) = decide([one], facts)
    assert decision.matched == decision.sends == bool(decision.series_uids)
    return list(decision.series_uids)


def why(one: ForwardingRule) -> tuple[str, ...]:
    (decision,) = decide([one], STUDY)
    return decision.reasons


WHOLE = ["1", "2", "3"]


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({}, WHOLE),
        ({"modalities": ("CT", "MR")}, WHOLE),
        ({"modalities": ("MR",)}, []),
        ({"calling_aets": ("CT1",)}, WHOLE),
        ({"calling_aets": ("ct1",)}, []),
        ({"calling_aets": ("CT?",)}, WHOLE),
        ({"labels": ("research", "other")}, WHOLE),
        ({"labels": ("other",)}, []),
        ({"study_description": "*thorax*"}, WHOLE),
        ({"study_description": "thorax"}, []),
        ({"tags": {"SeriesDescription": "CONTOURS"}}, WHOLE),
        ({"tags": {"BodyPartExamined": "WHOLE"}}, WHOLE),
        ({"tags": {"BodyPartExamined": "CHEST"}, "modalities": ("RTSTRUCT",)}, []),
        ({"tags": {"AccessionNumber": ""}}, WHOLE),
        ({"tags": {"AccessionNumber": "*"}}, []),
        ({"modalities": ("CT",), "calling_aets": ("TPS",)}, []),
        ({"modalities": ("RTSTRUCT",), "calling_aets": ("TPS",), "labels": ("urgent",)}, WHOLE),
    ],
)
def test_all_conditions_must_hold_of_one_series(conditions: dict[str, Any], expected: list[str]) -> None:
    assert sent(rule(**conditions)) == expected
    matching = sent(rule(**conditions, send="matching_series"))
    assert set(matching) <= set(WHOLE)
    assert bool(matching) == bool(expected)


def test_only_the_matching_series_are_sent_where_asked() -> None:
    assert sent(rule(modalities=("CT", "SR"), send="matching_series")) == ["1", "3"]


def test_a_study_without_series_matches_nothing() -> None:
    assert sent(rule(), StudyFacts(StudyUid("1"), (), {}, ())) == []


def test_the_first_rule_that_matches_decides() -> None:
    rules = [rule("A", modalities=("MR",)), rule("B"), rule("C", modalities=("CT",))]
    decisions = decide(rules, STUDY)
    assert [one.sends for one in decisions] == [False, True, False]
    assert [one.matched for one in decisions] == [False, True, True]
    assert decisions[2].reasons[-1] == "The rule B comes first and decides."


def test_all_rules_that_match_decide_where_asked() -> None:
    decisions = decide([rule("A"), rule("B", modalities=("MR",)), rule("C")], STUDY, "all")
    assert [one.sends for one in decisions] == [True, False, True]


def test_a_rule_that_is_switched_off_decides_nothing() -> None:
    decisions = decide([rule("A", enabled=False), rule("B")], STUDY)
    assert [(one.matched, one.sends) for one in decisions] == [(True, False), (True, True)]
    assert decisions[0].reasons[-1] == "The rule is switched off."


def test_reasons_tell_why_without_values_of_tags() -> None:
    assert why(rule()) == ("The rule asks for nothing, so every study meets it.",)
    assert why(rule(labels=("x", "y"))) == ("The study has none of the labels x or y.",)
    assert why(
        rule(modalities=("CT",), calling_aets=("CT*",), study_description="*head*", tags={"PatientID": "P?"})
    ) == (
        "1 series: each is of modality CT.",
        "1 series: each was sent by CT*.",
        "PatientID matches 'P?'.",
        "StudyDescription does not match '*head*'.",
    )
    assert why(rule(modalities=("MR",), calling_aets=("X",))) == ("No series left is of modality MR.",)
    assert why(rule(tags={"AccessionNumber": ""})) == ("AccessionNumber is empty, as asked.",)
    assert why(rule(tags={"PatientID": ""})) == ("PatientID is not empty.",)


SERIES = st.builds(
    series,
    st.sampled_from(WHOLE),
    st.sampled_from(["CT", "MR", "SR"]),
    st.sampled_from(["CT1", "TPS", None]),
    BodyPartExamined=st.sampled_from(["CHEST", "HEAD", ""]),
)
RULES = st.builds(
    rule,
    st.sampled_from("ABC"),
    modalities=st.sets(st.sampled_from(["CT", "MR"])).map(tuple),
    calling_aets=st.sets(st.sampled_from(["CT?", "TPS"])).map(tuple),
    labels=st.sets(st.sampled_from(["a", "b"])).map(tuple),
    tags=st.dictionaries(st.just("BodyPartExamined"), st.sampled_from(["*", "", "HEAD"])),
    send=st.sampled_from(["study", "matching_series"]),
    enabled=st.booleans(),
)
STUDIES = st.builds(
    StudyFacts,
    st.just(StudyUid("1.2")),
    st.sets(st.sampled_from("ab")).map(tuple),
    st.just({}),
    st.lists(SERIES, max_size=4, unique_by=lambda one: one.series_uid).map(tuple),
)


@given(st.lists(RULES, max_size=4), STUDIES, st.sampled_from(["first", "all"]))
def test_what_holds_of_every_decision(
    rules: list[ForwardingRule], facts: StudyFacts, match: Literal["first", "all"]
) -> None:
    decisions = decide(rules, facts, match)
    assert [one.rule for one in decisions] == rules
    for one in decisions:
        assert one.reasons
        assert one.matched == bool(one.series_uids)
        assert set(one.series_uids) <= {found.series_uid for found in facts.series}
        assert not one.sends or (one.matched and one.rule.enabled)
    if match == "first":
        assert sum(one.sends for one in decisions) <= 1
    else:
        assert all(one.sends == (one.matched and one.rule.enabled) for one in decisions)


@given(RULES, STUDIES)
def test_a_condition_more_never_sends_more(one: ForwardingRule, facts: StudyFacts) -> None:
    (before,) = decide([one], facts)
    stricter = one.model_copy(update={"modalities": ("CT",) if "CT" in one.modalities else ("XA",)})
    if one.modalities == () or "CT" in one.modalities:
        (after,) = decide([stricter], facts)
        assert set(after.series_uids) <= set(before.series_uids)


@given(st.text("ab*?[]^. ", max_size=6), st.text("ab*?[]^. ", max_size=8))
def test_patterns_match_as_by_trying_everything(pattern: str, value: str) -> None:
    def simple(wanted: str, left: str) -> bool:
        if not wanted:
            return not left
        if wanted[0] == "*":
            return any(simple(wanted[1:], left[start:]) for start in range(len(left) + 1))
        return bool(left) and wanted[0] in {"?", left[0]} and simple(wanted[1:], left[1:])

    stripped = value.strip(" ")
    expected = simple(pattern, stripped) if pattern and stripped else not pattern and not stripped
    assert matches(pattern, value) == expected


def test_a_pattern_of_many_stars_is_tried_quickly() -> None:
    assert not matches("*a" * 12 + "b", "a" * 64)


def test_keywords_asked_are_those_of_all_rules() -> None:
    asked = keywords_asked([rule(tags={"PatientID": "x"}), rule(study_description="y"), rule()])
    assert asked == {"PatientID", "StudyDescription"}


# Directions


def sync(name: str, direction: str, **conditions: Any) -> SyncRule:
    return SyncRule(name=name, direction=direction, **conditions)


def test_the_first_sync_rule_that_matches_tells_the_direction() -> None:
    rules = [
        sync("off", "none", enabled=False),
        sync("MR", "both", modalities=("MR",)),
        sync("CT", "orthanc_to_dcm4chee", modalities=("CT",), study_description="*thorax*"),
    ]

    def told(modality: str, description: str) -> tuple[str, str | None]:
        direction, by = direction_of(
            rules,
            modalities=[modality, "SR"],
            attributes=lambda: {"StudyDescription": description},
            otherwise="dcm4chee_to_orthanc",
        )
        return direction, None if by is None else by.name

    assert told("MR", "") == ("both", "MR")
    assert told("CT", "CT Thorax") == ("orthanc_to_dcm4chee", "CT")
    assert told("CT", "") == ("dcm4chee_to_orthanc", None)


def test_attributes_are_asked_for_only_where_a_rule_asks_for_them() -> None:
    def attributes() -> Mapping[str, str]:
        raise AssertionError("nobody has to ask")

    rules = [
        sync("no phantoms", "none", modalities=("MR",), study_description="*phantom*"),
        sync("off", "none", enabled=False, study_description="*phantom*"),
        sync("CT", "both", modalities=("CT",)),
        sync("later", "none", study_description="*phantom*"),
    ]
    direction, _ = direction_of(rules, modalities=["CT"], attributes=attributes, otherwise="none")
    assert direction == "both"


def test_rules_load_nothing_heavy() -> None:
    code = (
        "import sys, orthanc_plugins.rules; "
        "print([name for name in ('numpy','pydicom','sqlalchemy','fastapi','dbos','requests') "
        "if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
