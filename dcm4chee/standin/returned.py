"""What a match is answered with: default attributes, those asked for, and the archive's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dcm4chee.standin.clock import moment_of
from dcm4chee.standin.tags import PRIVATE_CREATOR, PRIVATE_CREATOR_TAG, SPECIFIC_CHARACTER_SET, Level, vr_of

if TYPE_CHECKING:
    from dcm4chee.standin.dataset import Attributes, Element
    from dcm4chee.standin.query import Query
    from dcm4chee.standin.search import Counts, Match

RETRIEVE_URL = "00081190"
_PATIENT = frozenset({"00100010", "00100020", "00100030", "00100040"})
_STUDY = _PATIENT | frozenset(
    {
        "00080020",
        "00080030",
        "00080050",
        "00080061",
        "00080090",
        "00200010",
        "0020000D",
        "00201206",
        "00201208",
    }
)
_SERIES = frozenset(
    {"00080060", "0008103E", "00200011", "0020000E", "00201209", "00400244", "00400245", "00400275"}
)
_INSTANCE = frozenset(
    {"00080016", "00080018", "00083002", "00200013", "00280010", "00280011", "00280100", "00280008"}
)
_ALWAYS = frozenset({SPECIFIC_CHARACTER_SET, "00080054", "00080056", "00080201"})
_UIDS = {
    Level.PATIENT: frozenset[str](),
    Level.STUDY: frozenset({"0020000D"}),
    Level.SERIES: frozenset({"0020000D", "0020000E"}),
    Level.INSTANCE: frozenset({"0020000D", "0020000E", "00080018"}),
}


def default_tags(level: Level, *, in_study: bool, in_series: bool) -> frozenset[str]:
    """Return what dcm4chee returns unasked (``QIDO.java``): without what the path of the request says."""
    if level is Level.PATIENT:
        return _PATIENT
    if level is Level.STUDY:
        return _STUDY
    own = _SERIES if level is Level.SERIES else _INSTANCE if in_series else _SERIES | _INSTANCE
    return own if in_study else own | _STUDY


def returned_tags(query: Query, level: Level, *, in_study: bool, in_series: bool) -> frozenset[str] | None:
    """Return the tags to be returned; None is all there are."""
    if query.include_all:
        return None
    defaults = default_tags(level, in_study=in_study, in_series=in_series)
    if query.flags.get("includedefaults") == "false":
        above = Level.SERIES if in_series else Level.STUDY if in_study else None
        defaults = _UIDS[level] - (_UIDS[above] if above is not None else frozenset())
    return query.include | defaults | _ALWAYS


def returned_attributes(
    match: Match, level: Level, query: Query, tags: frozenset[str] | None, root: str
) -> Attributes:
    """Return a match in the JSON model, its tags in order; what was asked for and is not there is empty."""
    found = match.attributes | _computed(match, level)
    if tags is not None:
        asked = {tag for tag in tags if not tag.startswith("7777")}
        found = {tag: found.get(tag, {"vr": vr_of(tag)}) for tag in asked}
        if "00080201" not in match.attributes:
            found.pop("00080201", None)
    if query.private:
        found |= _private(match, level)
    if level >= Level.STUDY:
        found[RETRIEVE_URL] = _element("UR", _retrieve_url(match.attributes, level, root))
    return dict(sorted(found.items()))


def _retrieve_url(attributes: Attributes, level: Level, root: str) -> str:
    words = ["studies", "series", "instances"][: int(level)]
    uids = [attributes[tag]["Value"][0] for tag in ("0020000D", "0020000E", "00080018")[: int(level)]]
    return "/".join([root, *(f"{word}/{uid}" for word, uid in zip(words, uids, strict=True))])


def _computed(match: Match, level: Level) -> Attributes:
    found = {"00201200": _element("IS", match.studies_of_patient)}
    if match.study is not None:
        found |= {
            "00080054": _element("AE", "DCM4CHEE"),
            "00080056": _element("CS", "ONLINE"),
            "00080061": _element("CS", *match.study.modalities),
            "00080062": _element("UI", *match.study.classes),
            "00201206": _element("IS", match.study.series),
            "00201208": _element("IS", match.study.instances),
        }
    if match.series is not None:
        found["00201209"] = _element("IS", match.series.instances)
        syntaxes = match.series.syntaxes if level is Level.SERIES else (match.row["transfer_syntax"],)
        found["00083002"] = _element("UI", *syntaxes)
    return found


def _private(match: Match, level: Level) -> Attributes:
    row = match.row
    found = {
        PRIVATE_CREATOR_TAG: _element("LO", PRIVATE_CREATOR),
        "77771010": _moment(row["created"]),
        "77771011": _moment(row["patient_updated"]),
        "77771016": _element("LO", row["patient_pk"]),
    }
    if level >= Level.STUDY:
        found |= _private_study(row, match.study)
    if level >= Level.SERIES:
        found |= _private_series(row, match.series)
    if level is Level.INSTANCE:
        found |= _private_instance(row)
    return found


def _private_study(row: dict[str, Any], counts: Counts | None) -> Attributes:
    bytes_stored = counts.size if counts else 0
    found = {
        "77771020": _moment(row["study_received"]),
        "77771021": _moment(row["study_updated"]),
        "77771022": _moment(row["study_updated"]),
        "77771028": _element("LO", "fs1"),
        "77771029": {"vr": "UL", "Value": [bytes_stored // 1000]},
        "7777102A": {"vr": "US", "Value": [bytes_stored % 1000]},
        "7777102D": _moment(row["study_modified"]),
    }
    return found | _rejection("77771024", counts)


def _private_series(row: dict[str, Any], counts: Counts | None) -> Attributes:
    found = {
        "77771030": _moment(row["series_received"]),
        "77771031": _moment(row["series_updated"]),
        "77771068": _element("AE", "DCM4CHEE"),
        "7777106F": _moment(row["series_modified"]),
    }
    if row["sending_aet"]:
        found["77771037"] = _element("AE", row["sending_aet"])
    return found | _rejection("77771034", counts)


def _private_instance(row: dict[str, Any]) -> Attributes:
    found = {
        "77771040": _moment(row["instance_received"]),
        "77771041": _moment(row["instance_updated"]),
        "77771050": _element("LO", "fs1"),
        "77771051": _element("LO", *str(row["orthanc_id"]).split("-")),
        "77771052": _element("UI", row["transfer_syntax"]),
        "77771053": {"vr": "UL", "Value": [row["size"]]},
        "77771054": _element("LO", row["digest"]),
    }
    if row["rejected"]:
        code, _, scheme = str(row["rejected"]).partition("^")
        item = {"00080100": _element("SH", code), "00080102": _element("SH", scheme)}
        found["77771042"] = {"vr": "SQ", "Value": [item]}
    return found


def _rejection(tag: str, counts: Counts | None) -> Attributes:
    if counts is None or counts.rejection == "NONE":
        return {}
    return {tag: _element("CS", counts.rejection)}


def _moment(seconds: float) -> Element:
    return _element("DT", moment_of(seconds))


def _element(vr: str, *values: object) -> Element:
    return {"vr": vr, "Value": [str(value) for value in values]} if values else {"vr": vr}
