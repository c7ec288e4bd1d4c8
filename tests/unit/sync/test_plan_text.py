from __future__ import annotations

from orthanc_plugins.sync.actions import Keep
from orthanc_plugins.sync.plan_text import Standing, plan_text
from tests.unit.sync.planned import BOTH, DCM4CHEE, MISSING_RIGHT, PIXEL, differs, entry, planned

OVERWRITES = (
    "DCM4CHEE takes it only if its dcmOverwritePolicy lets it. By default (SAME_SOURCE) only what came by "
    "C-STORE can be replaced, and only by the AE title that sent it: for everything else set the policy to "
    "ALWAYS before, or correct it in DCM4CHEE."
)
OF_ALL = "DCM4CHEE holds PatientName once for all studies of the patient: it changes in all of them."
EXPECTED = f"""\
Repair of study 1.2.3
Planned 2026-11-29 12:00:00, compared 2026-11-29 12:00:00 (UTC).

Would be done, in this order:
  1. copy to DCM4CHEE: CT series 1.2.3.9, 1 instance 4, 2.0 MB
       DCM4CHEE does not hold them.
  2-4. update in DCM4CHEE: series 1.2.3.9, 3 instances 1, 2, 3, 3.0 kB
       StudyDate 00080020: (absent) -> "20260101"
       Orthanc is preferred.
       {OVERWRITES}

For a person to decide:
  5. series 1.2.3.9, 1 instance 1, 1.0 kB
       PatientName 00100010: "A" in Orthanc, "B" in DCM4CHEE
       A person decides.
       With `orthanc`: {OF_ALL} {OVERWRITES}
       decide: orthanc | dcm4chee | leave

Blocked:
  6. CT series 1.2.3.9, 1 instance 5, 1.0 kB
       DCM4CHEE rejected it.

Left as it is:
  7. series 1.2.3.9, 1 instance 2, 1.0 kB
       FrameOfReferenceUID 00200052: "1.2" in Orthanc, "1.3" in DCM4CHEE
       It identifies an object or refers to one: UIDs are never rewritten. Ask its source which is right.

Together: 1 instance to copy (2.0 MB), 3 instances to update (3.0 kB), 1 to decide, 1 blocked, 1 left.
"""


def test_a_plan_is_read_from_top_to_bottom_with_sizes() -> None:
    plan = planned(
        differs(MISSING_RIGHT, None, None, uid="4"),
        differs(MISSING_RIGHT, None, None, uid="5"),
        *(
            differs(tag="00080020", keyword="StudyDate", left="20260101", right=None, uid=uid)
            for uid in "123"
        ),
        differs(),
        differs(tag="00200052", keyword="FrameOfReferenceUID", left="1.2", right="1.3", uid="2"),
        left=[*BOTH, entry("4", size=2_000_000), entry("5")],
        tombstones={DCM4CHEE: {"5": "DCM4CHEE rejected it."}},
        attributes={"StudyDate": "prefer_orthanc"},
    )
    assert plan_text(plan) == EXPECTED
    standing = Standing(
        decisions={5: Keep.ORTHANC}, failures={5: "It keeps its copy: see dcmOverwritePolicy."}
    )
    told = plan_text(plan, standing)
    assert "       decided: orthanc\n" in told
    assert "3 instances to update (3.0 kB), 1 decided, 1 blocked, 1 left." in told
    assert "       => action 5 could not be done: It keeps its copy: see dcmOverwritePolicy." in told


def test_a_plan_that_was_carried_out_says_what_became_of_each_action() -> None:
    plan = planned(
        *(differs(tag="00080020", keyword="StudyDate", left="1", right=None, uid=uid) for uid in "123"),
        differs(),
        differs(PIXEL, "7FE00010", "PixelData"),
        attributes={"StudyDate": "prefer_orthanc"},
    )
    decisions, failures = {4: Keep.ORTHANC}, {2: "It keeps its copy."}
    outcomes = {1: "done", 2: "failed", 3: "done", 4: "done", 5: "undecided"}
    told = plan_text(plan, Standing(decisions, failures, outcomes))
    assert "Planned, in this order:\n" in told
    assert "For a person to decide" not in told
    assert "       => 1, 3: done\n       => action 2 could not be done: It keeps its copy.\n" in told
    assert "       decided: orthanc\n       => done\n" in told
    assert told.count(OVERWRITES) == 1
    assert f"       With `orthanc`: {OVERWRITES}\n       decide: orthanc | dcm4chee | leave\n" in told
    assert "leave\n       => undecided\n" in told
    assert told.endswith("Together: 3 done, 1 failed, 1 undecided.\n")
    undone = plan_text(
        plan, Standing(decisions, {}, dict.fromkeys(range(1, 5), "undone") | {5: "never decided"})
    )
    assert "       => undone\n" in undone
    assert "  decide:" not in undone
    assert "decided:" not in undone
    assert undone.endswith("Together: 4 undone, 1 never decided.\n")


def test_a_study_without_differences_has_nothing_to_repair() -> None:
    assert plan_text(planned()).endswith(
        "Nothing differs: there is nothing to repair.\n\nTogether: nothing.\n"
    )


def test_what_was_not_compared_and_what_has_no_size_is_said() -> None:
    plan = planned(
        differs(MISSING_RIGHT, None, None, uid="4"),
        differs(PIXEL, "7FE00010", "PixelData"),
        left=[*BOTH, entry("4", size=None)],
    )
    text = plan_text(plan)
    assert "1 instance 4, size not told" in text
    assert "1 instance to copy (at least 0 bytes)" in text
