"""Settings: one section, the environment wins, nothing is misspelt in silence."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel
from pydantic.alias_generators import to_pascal

from orthanc_plugins.errors import ConfigurationError
from orthanc_plugins.settings import (
    CONFIGURATION_FILE_VARIABLE,
    ENVIRONMENT_PREFIX,
    OrthancSettings,
    Settings,
    StructureSettings,
    UploadSettings,
    load_settings,
    read_settings,
)

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cr3t-marker"


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(ENVIRONMENT_PREFIX):
            monkeypatch.delenv(name)


def load(section: Any = None, **environment: str) -> Settings:
    """Return the settings of a section and of variables named below the suite's prefix."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(ENVIRONMENT_PREFIX + name, value)
        return load_settings({} if section is None else {"PacsSuite": section}, os.environ)


def test_everything_has_a_default() -> None:
    settings = load()
    assert settings.workers == "embedded"
    assert settings.worker_concurrency == 2
    assert str(settings.orthanc.url) == "http://127.0.0.1:8042/"
    assert settings.structures.formats == ("nifti", "stl", "json", "png", "pdf", "html")


@pytest.mark.parametrize("model", [Settings, OrthancSettings, StructureSettings, UploadSettings])
def test_every_setting_is_described_and_named_in_pascal_case(model: type[Settings]) -> None:
    for name, field in model.model_fields.items():
        assert field.alias == ("Dcm4chee" if name == "dcm4chee" else to_pascal(name))
        assert field.alias is not None
        assert not any(
            a.isupper() and b.isupper() for a, b in zip(field.alias, field.alias[1:], strict=False)
        )
        assert field.description or isinstance(field.default, BaseModel)


def test_the_section_is_read() -> None:
    settings = load({"LogLevel": "DEBUG", "Orthanc": {"TimeoutS": 5}, "Structures": {"Formats": ["stl"]}})
    assert settings.log_level == "DEBUG"
    assert settings.orthanc.timeout_s == 5
    assert settings.structures.formats == ("stl",)


@pytest.mark.parametrize(
    ("configuration", "called"),
    [
        ({"DicomAet": "DEPARTMENT"}, "DEPARTMENT"),
        ({}, "ORTHANC"),
        ({"DicomAet": "DEPARTMENT", "PacsSuite": {"Dcm4chee": {"CallingAet": "SUITE"}}}, "SUITE"),
    ],
)
def test_dcm4chee_is_called_by_orthancs_own_ae_title_unless_told_otherwise(
    configuration: dict[str, Any], called: str
) -> None:
    assert load_settings(configuration, {}).dcm4chee.calling_aet == called


def test_other_sections_of_the_configuration_are_nobodys_business() -> None:
    assert load_settings({"DicomAet": "ORTHANC", "Plugins": []}, {}).log_level == "INFO"


@pytest.mark.parametrize(
    ("section", "variable", "value", "read"),
    [
        ({"LogLevel": "ERROR"}, "LOG_LEVEL", "DEBUG", lambda s: s.log_level == "DEBUG"),
        ({"SweepIntervalS": 9}, "SWEEP_INTERVAL_S", "3.5", lambda s: s.sweep_interval_s == 3.5),
        ({"Orthanc": {"TimeoutS": 9}}, "ORTHANC__TIMEOUT_S", "5", lambda s: s.orthanc.timeout_s == 5),
        (
            {"Orthanc": {"Username": "kept", "TimeoutS": 9}},
            "ORTHANC__TIMEOUT_S",
            "5",
            lambda s: (s.orthanc.username, s.orthanc.timeout_s) == ("kept", 5),
        ),
        (
            {"Structures": {"Formats": ["stl"]}},
            "STRUCTURES__FORMATS",
            '["json"]',
            lambda s: s.structures.formats == ("json",),
        ),
    ],
)
def test_the_environment_wins_over_the_section(section: Any, variable: str, value: str, read: Any) -> None:
    assert read(load(section, **{variable: value}))


def test_a_variable_alone_is_enough() -> None:
    assert load(ORTHANC__TIMEOUT_S="5").orthanc.timeout_s == 5


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ({"LogLevl": "INFO"}, "LogLevl"),
        ({"Orthanc": {"URL": "http://x"}}, "Orthanc.URL"),
        ({"Structures": {"Format": []}}, "Structures.Format"),
        ({"Structures": {"DoseMetrics": ["D95%", "D95"]}}, "Structures.DoseMetrics, entry 2"),
        ({"LogLevel": "LOUD"}, "LogLevel"),
        ({"Workers": "remote"}, "Workers"),
        ({"SweepIntervalS": 0}, "SweepIntervalS"),
        ({"WorkerConcurrency": -1}, "WorkerConcurrency"),
        ({"Structures": {"Formats": ["stl", "vtk"]}}, "Structures.Formats, entry 2"),
        ({"Orthanc": 5}, "Orthanc"),
    ],
)
def test_a_misspelt_key_or_wrong_value_is_refused_by_name(section: Any, named: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"PacsSuite.*{named}: "):
        load(section)


@pytest.mark.parametrize("key", ["Dcm4chee", "Dcm4Chee", "dcm4chee"])
def test_the_key_of_dcm4chee_is_known_however_it_was_capitalised(key: str) -> None:
    settings = load({key: {"Username": "suite"}}, DCM4CHEE__AET="PACS")
    assert (settings.dcm4chee.username, settings.dcm4chee.aet) == ("suite", "PACS")


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            {"Dcm4chee": {"Url": "http://archive"}, "Dcm4Chee": {"Username": "suite"}},
            "one setting twice, as Dcm4chee and Dcm4Chee: put all of it below Dcm4chee.",
        ),
        ({"LogLevel": "INFO", "loglevel": "DEBUG"}, "twice, as LogLevel and loglevel"),
        ({"LogLevel": "INFO", "log_level": "DEBUG"}, "twice, as LogLevel and log_level"),
        ({"Dcm4chee": {"Aet": "A", "aet": "B"}}, "twice, as Dcm4chee.Aet and Dcm4chee.aet"),
    ],
)
def test_a_setting_under_two_spellings_is_refused_and_neither_is_lost(section: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        load(section)


@pytest.mark.parametrize(("part", "rule"), [("Forwarding", {}), ("Synchronisation", {"Direction": "none"})])
def test_two_rules_of_one_name_are_refused_and_the_name_is_told(part: str, rule: dict[str, str]) -> None:
    rules = [{"Name": name, **rule} for name in ("CT", "MR", "CT")]
    with pytest.raises(ConfigurationError, match=rf"{part}\.Rules: .* several are called CT\."):
        load_settings({"PacsSuite": {part: {"Rules": rules}}}, {})
    load_settings({"PacsSuite": {part: {"Rules": rules[:2]}}}, {})


@pytest.mark.parametrize("section", [[], "text", 5, True])
def test_a_section_that_is_no_section_is_refused(section: Any) -> None:
    with pytest.raises(ConfigurationError, match="PacsSuite"):
        load(section)


@pytest.mark.parametrize(
    "variable", ["LOG_LEVL", "ORTHANC__TIMEOUT", "ORTHANCE__URL", "STRUCTURES__FORMAT", "DATABASE__URL"]
)
def test_a_misspelt_variable_is_refused_by_name(variable: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"(?i){variable.rsplit('__', maxsplit=1)[-1]}"):
        load({}, **{variable: "5"})


@pytest.mark.parametrize(
    ("variable", "hint"),
    [
        ("LOG_LEVL", "; did you mean {}LOG_LEVEL?"),
        ("ORTHNC__URL", "; did you mean {}ORTHANC__URL?"),
        ("STRUCTURES__FORMAT", "; did you mean {}STRUCTURES__FORMATS?"),
        ("STRUCTURES__XYZ", ": check its spelling."),
    ],
)
def test_a_misspelt_variable_is_told_to_be_one_and_which_may_be_meant(variable: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({}, **{variable: "5"})
    assert str(caught.value) == (
        f"The environment variable {ENVIRONMENT_PREFIX}{variable} names no setting of the suite"
        f"{hint.format(ENVIRONMENT_PREFIX)}"
    )


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            {"Forwarding": {"Rules": [{"Name": "night", "Windw": SECRET}]}},
            "Forwarding.Rules, rule night: there is no field Windw in a rule; did you mean Window?",
        ),
        (
            {"forwarding": {"rules": [{"Name": "a"}, {"Name": 5, "xyz": SECRET}]}},
            "Rules, rule 2: there is no field xyz in a rule.",
        ),
        (
            {"Synchronisation": {"Rules": [{"Name": "ct", "Direction": SECRET}]}},
            "Synchronisation.Rules, rule ct, Direction: Input should be",
        ),
        (
            {"Uploads": {"LargestFileMib": 1}},
            "Uploads.LargestFileMib: there is no such setting; did you mean LargestFileMb?",
        ),
        ({"Repiar": {}}, "Repiar: there is no such setting; did you mean Repair?"),
    ],
)
def test_an_unknown_name_in_the_section_is_told_with_its_place_and_which_may_be_meant(
    section: Any, said: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(section)
    assert said in str(caught.value)
    assert SECRET not in str(caught.value)
    assert "Extra inputs" not in str(caught.value)


def test_each_fault_names_where_it_stands() -> None:
    section = {"Uploads": {"LargestFileMb": -1}, "Orthanc": {"TimeoutS": 5}}
    with pytest.raises(ConfigurationError) as caught:
        load(section, ORTHANC__TIMEOUT_S="soon", STRUCTURES='{"Formatz": []}')
    text = str(caught.value)
    assert f"The environment variable {ENVIRONMENT_PREFIX}ORTHANC__TIMEOUT_S is not valid: " in text
    assert (
        f"The environment variable {ENVIRONMENT_PREFIX}STRUCTURES is not valid: Structures.Formatz: " in text
    )
    assert "The section PacsSuite of Orthanc's configuration is not valid: Uploads.LargestFileMb: " in text


@pytest.mark.parametrize(("variable", "value"), [("STRUCTURES__FORMATS", "stl"), ("ORTHANC", "{broken")])
def test_a_variable_that_is_not_the_json_it_should_be_is_refused(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=r"(?i)structures|orthanc"):
        load({}, **{variable: value})


def test_no_secret_is_ever_printed() -> None:
    settings = load({"DatabaseUrl": f"postgresql://u:{SECRET}@h/d", "Orthanc": {"Password": SECRET}})
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings)
    assert SECRET not in settings.model_dump_json()


@pytest.mark.parametrize(
    "section",
    [
        {"Orthanc": {"Password": [SECRET]}},
        {"Orthanc": {"Passwort": SECRET}},
        {"DatabaseUrl": {"Url": SECRET}},
        {"Orthanc": SECRET},
    ],
)
def test_a_refused_value_is_not_quoted(section: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(section)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_refused_variable_is_not_quoted() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load({}, ORTHANC=SECRET)
    assert SECRET not in str(caught.value)


def test_without_a_database_url_jobs_and_store_are_files_of_their_own(tmp_path: Path) -> None:
    settings = load({"DataDirectory": str(tmp_path)})
    assert settings.store_url == f"sqlite:///{tmp_path}/store/pacs.sqlite"
    assert settings.jobs_url == f"sqlite:///{tmp_path}/store/jobs.sqlite"


def test_a_relative_data_directory_becomes_absolute_in_addresses() -> None:
    assert load({"DataDirectory": "data"}).store_url.startswith("sqlite:////")


def test_a_database_url_serves_jobs_and_store() -> None:
    settings = load({"DatabaseUrl": "postgresql://u:p@h/d"})
    assert settings.store_url == settings.jobs_url == "postgresql://u:p@h/d"


def test_results_are_in_the_data_directory_unless_told_otherwise(tmp_path: Path) -> None:
    assert load({"DataDirectory": str(tmp_path)}).exports == tmp_path / "exports"
    assert load({"ExportsDirectory": "/srv/results"}).exports.as_posix() == "/srv/results"


def test_a_process_outside_orthanc_reads_the_file_that_the_environment_names(tmp_path: Path) -> None:
    path = tmp_path / "orthanc.json"
    path.write_text(json.dumps({"PacsSuite": {"LogLevel": "DEBUG"}}), encoding="utf-8")
    assert read_settings({CONFIGURATION_FILE_VARIABLE: str(path)}).log_level == "DEBUG"


def test_a_process_without_a_file_has_the_defaults() -> None:
    assert read_settings({}).log_level == "INFO"


@pytest.mark.parametrize("text", ["{", "// no plain JSON\n{}", "[]", '"text"'])
def test_a_file_that_is_no_configuration_is_refused_by_its_path(tmp_path: Path, text: str) -> None:
    path = tmp_path / "orthanc.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=str(path)):
        read_settings({CONFIGURATION_FILE_VARIABLE: str(path)})


def test_a_file_that_is_not_there_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.json"):
        read_settings({CONFIGURATION_FILE_VARIABLE: str(tmp_path / "absent.json")})
