"""Log lines: JSON, with context, without the text of exceptions."""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.logs import FACTS, configure_logging, describe_exception, log_context
from tests.unit.log_lines import lines, restored_logger

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = "DOE^JOHN"


@pytest.fixture
def suite_logger() -> Iterator[logging.Logger]:
    with restored_logger() as logger:
        yield logger


def raise_marked() -> None:
    raise ValueError(f"cannot read {MARKER}")


def test_a_record_is_one_line_of_json(suite_logger: logging.Logger) -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream=stream)
    logging.getLogger("orthanc_plugins.rtstruct").warning("Region %d: no\ncontours: é", 3)
    (line,) = lines(stream)
    assert line["level"] == "WARNING"
    assert line["logger"] == "orthanc_plugins.rtstruct"
    assert line["message"] == "Region 3: no\ncontours: é"
    assert line["time"].endswith("+00:00")


def test_lines_inside_a_context_carry_its_facts(suite_logger: logging.Logger) -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream=stream)
    with log_context(job_id="a"), log_context(study_uid="1.2"):
        suite_logger.info("inside")
    suite_logger.info("outside")
    inside, outside = lines(stream)
    assert (inside["job_id"], inside["study_uid"]) == ("a", "1.2")
    assert "job_id" not in outside


def test_a_record_may_bring_facts_of_its_own(suite_logger: logging.Logger) -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream=stream)
    suite_logger.info("of another thread", extra={FACTS: {"job_id": "b"}})
    assert lines(stream)[0]["job_id"] == "b"


def test_a_logged_exception_is_told_without_its_text(suite_logger: logging.Logger) -> None:
    stream = io.StringIO()
    configure_logging("INFO", stream=stream)
    try:
        raise_marked()
    except ValueError:
        suite_logger.exception("It failed.")
    assert MARKER not in stream.getvalue()
    assert "ValueError at test_logs.py:" in lines(stream)[0]["error"]


def test_an_exception_is_described_by_type_and_places_innermost_first() -> None:
    with pytest.raises(ValueError, match="cannot read") as caught:
        raise_marked()
    description = describe_exception(caught.value)
    assert MARKER not in description
    assert "raise_marked < test_logs.py:" in description
    assert description.startswith("ValueError at test_logs.py:")


def test_an_exception_that_was_never_raised_is_described_by_its_type() -> None:
    assert describe_exception(KeyError(MARKER)) == "KeyError"


def test_the_suite_has_one_handler_and_leaves_the_root_logger_alone(suite_logger: logging.Logger) -> None:
    root_handlers = logging.getLogger().handlers[:]
    for _ in range(2):
        configure_logging("INFO", stream=io.StringIO())
    assert len(suite_logger.handlers) == 1
    assert not suite_logger.propagate
    assert logging.getLogger().handlers == root_handlers


def test_lines_below_the_level_are_not_written(suite_logger: logging.Logger) -> None:
    stream = io.StringIO()
    configure_logging("WARNING", stream=stream)
    suite_logger.info("quiet")
    assert stream.getvalue() == ""
