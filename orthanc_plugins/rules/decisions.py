"""What the rules say of a study, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orthanc_plugins.rules.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from orthanc_plugins.identifiers import SeriesUid, StudyUid
    from orthanc_plugins.rules.models import ForwardingRule, StudyRule, SyncDirection, SyncRule


@dataclass(frozen=True)
class SeriesFacts:
    """What rules may ask of a series.

    Parameters
    ----------
    calling_aets
        AE titles that sent it; none when it came by HTTP.
    tags
        Values by DICOM keyword, several parted by backslashes; those of the rules in question at least.
    instance_count, stored_bytes
        Of what would be sent.
    """

    series_uid: SeriesUid
    modality: str
    calling_aets: tuple[str, ...]
    tags: Mapping[str, str]
    instance_count: int
    stored_bytes: int


@dataclass(frozen=True)
class StudyFacts:
    """What rules may ask of a study; ``tags`` are those of patient and study."""

    study_uid: StudyUid
    labels: tuple[str, ...]
    tags: Mapping[str, str]
    series: tuple[SeriesFacts, ...]


@dataclass(frozen=True)
class Decision:
    """What one rule says of a study.

    Parameters
    ----------
    matched
        Whether the study meets the rule.
    sends
        Whether the rule decides: it matched, is switched on, and no earlier one was to decide alone.
    series_uids
        What it would send, were it to decide; none when it did not match.
    reasons
        Why, one sentence for each condition; patterns stand in them, values of tags do not.
    """

    rule: ForwardingRule
    matched: bool
    sends: bool
    series_uids: tuple[SeriesUid, ...]
    reasons: tuple[str, ...]


def decide(
    rules: Sequence[ForwardingRule], facts: StudyFacts, match: Literal["first", "all"] = "first"
) -> tuple[Decision, ...]:
    """Return what each rule says of a study, in their order; all are looked at, also after a match."""
    decisions: list[Decision] = []
    decided: str | None = None
    for rule in rules:
        series, reasons = _judged(rule, facts)
        matched = bool(series)
        sent = facts.series if matched and rule.send == "study" else series
        if len(sent) > len(series):
            reasons.append(f"{len(sent) - len(series)} more series: the rule sends the study whole.")
        sends = matched and rule.enabled and (match == "all" or decided is None)
        if matched and not rule.enabled:
            reasons.append("The rule is switched off.")
        elif matched and not sends:
            reasons.append(f"The rule {decided} comes first and decides.")
        if sends and decided is None:
            decided = rule.name
        uids = tuple(one.series_uid for one in sent)
        decisions.append(Decision(rule, matched, sends, uids, tuple(reasons)))
    return tuple(decisions)


def first_matching[Rule: StudyRule](rules: Sequence[Rule], facts: StudyFacts) -> tuple[Rule, ...]:
    """Return the first rule that is switched on and that a study meets; none when there is none."""
    return tuple(rule for rule in rules if rule.enabled and _judged(rule, facts)[0])[:1]


def direction_of(
    rules: Sequence[SyncRule],
    *,
    modalities: Sequence[str],
    attributes: Callable[[], Mapping[str, str]],
    otherwise: SyncDirection,
) -> tuple[SyncDirection, SyncRule | None]:
    """Return which way a study is copied, and the first rule that says so, None when none does.

    Parameters
    ----------
    modalities
        ModalitiesInStudy.
    attributes
        Returns values by keyword, as archives list them; asked only where a rule asks for them.
    otherwise
        The direction of what no rule matches.
    """
    for rule in rules:
        conditions = _tag_conditions(rule)
        if (
            rule.enabled
            and (not rule.modalities or set(rule.modalities) & set(modalities))
            and all(
                matches(pattern, attributes().get(keyword, "")) for keyword, pattern in conditions.items()
            )
        ):
            return rule.direction, rule
    return otherwise, None


def keywords_asked(rules: Iterable[StudyRule]) -> frozenset[str]:
    """Return the keywords of all tags that rules ask for."""
    return frozenset(keyword for rule in rules for keyword in _tag_conditions(rule))


def _tag_conditions(rule: StudyRule | SyncRule) -> dict[str, str]:
    described = {} if rule.study_description is None else {"StudyDescription": rule.study_description}
    return {**rule.tags, **described}


def _judged(rule: StudyRule, facts: StudyFacts) -> tuple[tuple[SeriesFacts, ...], list[str]]:
    """Return the series that meet a rule, and why those and no others."""
    if not facts.series:
        return (), ["The study holds no series."]
    reasons: list[str] = []
    if rule.labels and not set(rule.labels) & set(facts.labels):
        return (), [f"The study has none of the labels {_listed(rule.labels)}."]
    if rule.labels:
        reasons.append(f"The study has the label {_listed(sorted(set(rule.labels) & set(facts.labels)))}.")
    remaining = facts.series
    if rule.modalities:
        remaining = tuple(one for one in remaining if one.modality in rule.modalities)
        reasons.append(_told(remaining, "is of modality", rule.modalities))
    if rule.calling_aets and remaining:
        remaining = tuple(one for one in remaining if _sent_by(rule.calling_aets, one))
        reasons.append(_told(remaining, "was sent by", rule.calling_aets))
    for keyword, pattern in _tag_conditions(rule).items():
        if remaining:
            remaining = tuple(one for one in remaining if _has(facts, one, keyword, pattern))
            reasons.append(_told_tag(remaining, keyword, pattern))
    return remaining, reasons or ["The rule asks for nothing, so every study meets it."]


def _sent_by(wanted: Sequence[str], series: SeriesFacts) -> bool:
    return any(matches(one, aet, ignore_case=False) for one in wanted for aet in series.calling_aets)


def _has(facts: StudyFacts, series: SeriesFacts, keyword: str, pattern: str) -> bool:
    return matches(pattern, series.tags.get(keyword) or facts.tags.get(keyword, ""))


def _told(series: Sequence[SeriesFacts], what: str, wanted: Sequence[str]) -> str:
    if not series:
        return f"No series left {what} {_listed(wanted)}."
    return f"{len(series)} series: each {what} {_listed(wanted)}."


def _told_tag(series: Sequence[SeriesFacts], keyword: str, pattern: str) -> str:
    if not pattern:
        return f"{keyword} is {'empty, as asked' if series else 'not empty'}."
    return f"{keyword} {'matches' if series else 'does not match'} '{pattern}'."


def _listed(values: Sequence[str]) -> str:
    return " or ".join(values)
