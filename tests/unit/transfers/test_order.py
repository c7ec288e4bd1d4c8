"""In which order instances go, and how many at a time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.archives.base import InstanceEntry
from orthanc_plugins.identifiers import SeriesUid, SopInstanceUid, StudyUid
from orthanc_plugins.transfers.order import batches, groups

MODALITIES = ("CT", "MR", "RTSTRUCT", "SEG", "REG", "RTPLAN", "RTDOSE", "SR", "PR", "KO")


def entry(number: int, modality: str = "CT", size: int | None = 10) -> InstanceEntry:
    series = SeriesUid(f"1.{MODALITIES.index(modality)}")
    return InstanceEntry(
        SopInstanceUid(f"1.2.{number}"), series, StudyUid("1.2"), "1.2", modality, size_bytes=size
    )


STUDIES = st.lists(st.sampled_from(MODALITIES)).map(
    lambda modalities: [entry(number, modality) for number, modality in enumerate(modalities)]
)


@given(STUDIES)
def test_each_instance_is_in_one_group_and_nothing_goes_before_what_it_refers_to(
    study: list[InstanceEntry],
) -> None:
    found = list(groups(study))
    assert sorted(one.sop_instance_uid for group in found for one in group) == sorted(
        one.sop_instance_uid for one in study
    )
    after = {"RTSTRUCT": {"CT", "MR"}, "RTPLAN": {"RTSTRUCT"}, "RTDOSE": {"RTPLAN"}, "KO": {"SR", "PR", "CT"}}
    seen: set[str] = set()
    for group in found:
        modalities = {one.modality for one in group}
        for modality in modalities:
            wanted = after.get(modality, set()) & {one.modality for one in study}
            assert wanted <= seen, (modality, seen)
        seen |= modalities


def test_series_stay_together() -> None:
    (images,) = groups([entry(1), entry(2, "MR"), entry(3), entry(4, "MR")])
    assert [one.modality for one in images] == ["CT", "CT", "MR", "MR"]


@given(
    sizes=st.lists(st.none() | st.integers(0, 120), max_size=40),
    most_instances=st.integers(1, 7),
    most_bytes=st.integers(1, 200),
)
def test_batches_hold_everything_in_order_and_no_more_than_allowed(
    sizes: list[int | None], most_instances: int, most_bytes: int
) -> None:
    study = [entry(number, size=size) for number, size in enumerate(sizes)]
    found = list(batches(study, most_instances=most_instances, most_bytes=most_bytes))
    assert [one for batch in found for one in batch] == study
    for batch in found:
        assert 1 <= len(batch) <= most_instances
        assert len(batch) == 1 or sum(one.size_bytes or 0 for one in batch) <= most_bytes
