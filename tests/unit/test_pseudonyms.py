"""What stands in place of identities is the same for the same original and key, and for nothing else."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orthanc_plugins.errors import DeidError, KeyUnusable
from orthanc_plugins.identifiers import is_dicom_uid
from orthanc_plugins.pseudonyms import KnownBy, PatientKey, Pseudonyms, is_assigned_by_dicom

KEY = bytes(range(32))
OTHER_KEY = bytes(range(1, 33))
UIDS = st.from_regex(r"[012](\.(0|[1-9][0-9]{0,9})){1,5}", fullmatch=True)
IDS = st.text(min_size=1).filter(lambda text: text.strip().strip("\0 "))


@pytest.fixture(scope="module")
def pseudonyms() -> Pseudonyms:
    return Pseudonyms(KEY)


def test_answers_are_those_of_any_other_day(pseudonyms: Pseudonyms) -> None:
    """They were computed by openssl, not by the code; whatever changes them parts every project in two."""
    patient = PatientKey("MRN-4711", "HOSPITAL")
    assert pseudonyms.uid("1.2.3.4") == "2.25.64467579050708218332770016808972538783"
    assert pseudonyms.patient(patient) == "DEID-RICSNLPLJNNHEA6G"
    assert pseudonyms.weeks(patient) == 137
    assert pseudonyms.token("serial", "SN 42") == "VKH7LWNBBEBUV2YS"
    assert pseudonyms.key_id == "37a0c7d3a7f25e32"


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_key_of_another_length_is_refused_and_not_shown(length: int) -> None:
    with pytest.raises(KeyUnusable) as refused:
        Pseudonyms(b"k" * length)
    assert "kkkk" not in str(refused.value)


@given(uid=UIDS)
def test_a_new_uid_is_valid_and_a_uuid_of_version_8(uid: str) -> None:
    new = Pseudonyms(KEY).uid(uid)
    assert is_dicom_uid(new)
    root, number = new.rsplit(".", 1)
    made = uuid.UUID(int=int(number))
    assert root == "2.25"
    assert made.variant == uuid.RFC_4122
    assert made.hex[12] == "8"


@given(uids=st.lists(UIDS, unique=True, min_size=2))
def test_the_order_of_questions_and_the_cache_change_nothing(uids: list[str]) -> None:
    forwards, backwards = Pseudonyms(KEY), Pseudonyms(KEY)
    one = {uid: forwards.uid(uid) for uid in uids}
    other = {uid: backwards.uid(uid) for uid in reversed(uids)}
    assert one == other == {uid: forwards.uid(uid) for uid in uids}
    assert len(set(one.values())) == len(uids)


@given(uid=UIDS)
def test_two_keys_have_nothing_in_common(uid: str) -> None:
    one, other, patient = Pseudonyms(KEY), Pseudonyms(OTHER_KEY), PatientKey(uid)
    assert one.uid(uid) != other.uid(uid)
    assert one.patient(patient) != other.patient(patient)
    assert one.token("serial", uid) != other.token("serial", uid)
    assert one.key_id != other.key_id


@pytest.mark.parametrize("padded", ["1.2.3\0", "1.2.3 ", " 1.2.3", "1.2.3\0\0"])
def test_a_uid_with_padding_is_the_same_uid(pseudonyms: Pseudonyms, padded: str) -> None:
    assert pseudonyms.uid(padded) == pseudonyms.uid("1.2.3")
    assert pseudonyms.uid_bytes(padded.encode()) == pseudonyms.uid_bytes(b"1.2.3")


@pytest.mark.parametrize(
    "uid", ["1.2.840.10008.5.1.4.1.1.481.3", "1.2.840.10008.1.4.1.1", "1.2.840.10008.6.1.1325"]
)
def test_a_uid_that_dicom_assigned_stays(pseudonyms: Pseudonyms, uid: str) -> None:
    assert pseudonyms.uid(uid) == uid
    assert pseudonyms.uid_bytes(uid.encode()) == uid.encode() + b"\0" * (len(uid) % 2)


@pytest.mark.parametrize(
    "uid",
    [
        "1.2.840.10008",
        "1.2.840.10008.19800101.7",
        "1.2.840.10008.5.DOE",
        "1.2.840.100081.5",
        "1.2.840.10008.",
    ],
)
def test_what_only_looks_like_dicoms_own_is_mapped(pseudonyms: Pseudonyms, uid: str) -> None:
    assert not is_assigned_by_dicom(uid)
    assert pseudonyms.uid(uid).startswith("2.25.")


def test_other_registered_uids_stay_where_the_caller_says_so() -> None:
    pseudonyms = Pseudonyms(KEY, is_public=lambda uid: uid == "1.3.6.1.4.1.5962")
    assert pseudonyms.uid("1.3.6.1.4.1.5962") == "1.3.6.1.4.1.5962"
    assert pseudonyms.uid("1.2.840.10008.1.2").startswith("2.25.")


def test_a_name_where_a_uid_belongs_is_mapped_too(pseudonyms: Pseudonyms) -> None:
    assert is_dicom_uid(pseudonyms.uid("Müller^Anna"))
    assert is_dicom_uid(pseudonyms.uid_bytes("Müller".encode()).decode().rstrip("\0"))


def test_an_empty_uid_stays_empty(pseudonyms: Pseudonyms) -> None:
    assert pseudonyms.uid("") == pseudonyms.uid(" \0") == ""
    assert pseudonyms.uid_bytes(b"") == b""


def test_encoded_values_are_mapped_one_by_one_and_have_even_length(pseudonyms: Pseudonyms) -> None:
    one, two = pseudonyms.uid("1.2.3"), pseudonyms.uid("1.2.4")
    mapped = pseudonyms.uid_bytes(b"1.2.3\\1.2.840.10008.1.2\\\\1.2.4\0")
    assert mapped.rstrip(b"\0").decode() == f"{one}\\1.2.840.10008.1.2\\\\{two}"
    assert len(mapped) % 2 == 0
    assert not mapped.endswith(b"\0\0")


@given(patient_id=IDS)
def test_a_pseudonym_has_80_bits_and_weeks_are_one_to_ten_years(patient_id: str) -> None:
    pseudonyms, patient = Pseudonyms(KEY), PatientKey(patient_id)
    pseudonym = pseudonyms.patient(patient)
    assert pseudonym[:5] == "DEID-"
    assert len(pseudonym) == 21
    assert set(pseudonym[5:]) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
    assert 52 <= pseudonyms.weeks(patient) <= 520


def test_weeks_reach_both_ends_and_lean_to_neither(pseudonyms: Pseudonyms) -> None:
    weeks = [pseudonyms.weeks(PatientKey(f"P{number}")) for number in range(10_000)]
    assert (min(weeks), max(weeks)) == (52, 520)
    assert abs(sum(weeks) / len(weeks) - 286) < 5


@pytest.mark.parametrize("same", ["ID 7 ", " ID 7", "ID 7\0", "\tID 7\n"])
def test_padding_makes_no_second_patient(pseudonyms: Pseudonyms, same: str) -> None:
    assert pseudonyms.patient(PatientKey(same)) == pseudonyms.patient(PatientKey("ID 7"))


def test_both_forms_of_an_umlaut_are_one_patient(pseudonyms: Pseudonyms) -> None:
    assert pseudonyms.patient(PatientKey("MU\u0308LLER1")) == pseudonyms.patient(PatientKey("M\u00dcLLER1"))


def test_issuer_and_capitals_make_another_patient(pseudonyms: Pseudonyms) -> None:
    patients = [
        PatientKey("a1"),
        PatientKey("A1"),
        PatientKey("a1", "X"),
        PatientKey("a", "1"),
        PatientKey("1", "a"),
    ]
    assert len({pseudonyms.patient(patient) for patient in patients}) == 5


def test_values_cannot_be_moved_from_one_field_to_another(pseudonyms: Pseudonyms) -> None:
    assert pseudonyms.patient(PatientKey("ab", "c")) != pseudonyms.patient(PatientKey("a", "bc"))
    assert pseudonyms.token("ab", "cdefgh") != pseudonyms.token("abc", "defgh")


def test_without_patient_id_the_person_tells_and_without_a_person_the_study() -> None:
    known = {"name": "Doe^Jane", "birth_date": "19700203", "study_uid": "1.2.3"}
    assert PatientKey.of_attributes(patient_id="7", issuer="X", **known) == PatientKey("7", "X")
    assert PatientKey.of_attributes(patient_id=" ", **known) == PatientKey.of_person("Doe^Jane", "19700203")
    assert PatientKey.of_attributes(patient_id="", **known | {"birth_date": ""}) == PatientKey.of_study(
        "1.2.3"
    )
    assert PatientKey.of_attributes(patient_id="", **known | {"name": "^^"}) == PatientKey.of_study("1.2.3")
    with pytest.raises(DeidError):
        PatientKey.of_attributes(patient_id="")


@pytest.mark.parametrize("same", ["DOE^JANE", "Doe^Jane^^^", "doe ^ jane ", "Doe^Jane==", "Doe^Jane=ドウ"])
def test_a_name_is_the_same_in_any_capitals_and_with_empty_components(same: str) -> None:
    assert PatientKey.of_person(same, "19700203") == PatientKey.of_person("Doe^Jane", "19700203 ")


def test_a_study_that_is_called_like_a_patient_is_not_that_patient(pseudonyms: Pseudonyms) -> None:
    keys = [PatientKey("1.2.3"), PatientKey.of_study("1.2.3"), PatientKey("1.2.3", known_by=KnownBy.PERSON)]
    assert len({pseudonyms.patient(key) for key in keys}) == 3


def test_reprs_show_no_value(pseudonyms: Pseudonyms) -> None:
    shown = repr(PatientKey("MRN-4711", "HOSPITAL")) + repr(PatientKey.of_person("Doe^Jane", "19700203"))
    for value in ("4711", "HOSPITAL", "oe", "1970"):
        assert value not in shown
    assert KEY.hex() not in repr(pseudonyms)
    assert repr(KEY) not in repr(vars(PatientKey("1")))


@pytest.mark.parametrize("length", [8, 16, 51])
def test_a_token_has_the_length_asked_for(pseudonyms: Pseudonyms, length: int) -> None:
    token = pseudonyms.token("serial", "SN 42", length)
    assert len(token) == length
    assert token == pseudonyms.token("serial", "SN 42 ", 51)[:length]
    assert token != pseudonyms.token("station", "SN 42", length)


@pytest.mark.parametrize("length", [0, 7, 52])
def test_a_token_too_short_or_too_long_is_refused(pseudonyms: Pseudonyms, length: int) -> None:
    with pytest.raises(ValueError, match="8 to 51"):
        pseudonyms.token("serial", "SN 42", length)


def test_a_register_knows_patients_and_traits_by_digests_of_their_own(pseudonyms: Pseudonyms) -> None:
    jane, joan = PatientKey("1"), PatientKey("2")
    known = {"name": "Doe^Jane", "birth_date": "19700203", "sex": "F"}
    digest, traits = pseudonyms.patient_digest(jane), pseudonyms.trait_digests(jane, **known)
    assert len(digest) == 32
    assert sorted(traits) == ["birth_date", "name", "sex"]
    assert len({digest, *traits.values()}) == 4
    assert not set(traits.values()) & set(pseudonyms.trait_digests(joan, **known).values())
    assert pseudonyms.trait_digests(jane, name="DOE^JANE^", birth_date="", sex=" ") == {
        "name": traits["name"]
    }
