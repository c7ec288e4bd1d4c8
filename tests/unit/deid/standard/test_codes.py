"""Codes and UIDs that the standard assigns."""

from __future__ import annotations

import hashlib
import json

import pytest
from pydicom._uid_dict import UID_dictionary

from orthanc_plugins.deid.standard import MethodCode, method_code, registered_uids
from orthanc_plugins.errors import ProfileError


def test_the_method_codes_have_the_digest_of_cid_7050_of_2026d() -> None:
    codes = [method_code(str(value)) for value in range(113100, 113113)]
    text = json.dumps(
        [
            {"scheme_designator": one.scheme, "code_value": one.value, "code_meaning": one.meaning}
            for one in codes
        ],
        sort_keys=True,
        separators=(",", ":"),
    )
    assert hashlib.sha256(text.encode()).hexdigest() == (
        "330f85ad9db6d5a9bc00ac989064253961f917c9a63fb8f706467d6d4f9be74b"
    )


def test_a_method_code_is_a_triplet() -> None:
    assert method_code("113105") == MethodCode("113105", "DCM", "Clean Descriptors Option")


@pytest.mark.parametrize("value", ["113099", "113113", "", "DCM"])
def test_a_code_that_cid_7050_lacks_is_refused(value: str) -> None:
    with pytest.raises(ProfileError, match="CID 7050"):
        method_code(value)


def test_well_known_frames_of_reference_and_instances_are_registered() -> None:
    kinds = {"Well-known frame of reference", "Well-known SOP Instance", "Synchronization Frame of Reference"}
    well_known = {str(uid) for uid, facts in UID_dictionary.items() if facts[1] in kinds}
    assert len(well_known) == 48
    assert well_known <= registered_uids()


@pytest.mark.parametrize(
    "uid",
    [
        "2.16.840.1.113883.6.96",
        "2.16.840.1.113883.6.8",
        "2.16.840.1.113883.5.4",
        "2.16.1",
        "1.2.840.10065.1.12",
    ],
)
def test_coding_schemes_that_others_registered_are_registered(uid: str) -> None:
    assert uid in registered_uids()


@pytest.mark.parametrize("uid", ["2.16.840.1.113883.6.9", "1.2.840.10008.1.4.1.99", "2.25.1", ""])
def test_other_uids_are_not_registered(uid: str) -> None:
    assert uid not in registered_uids()


def test_each_registered_uid_is_listed_once_and_is_a_uid() -> None:
    assert len(registered_uids()) == 96
    assert all(set(uid) <= set("0123456789.") and len(uid) <= 64 for uid in registered_uids())
