"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import dcm4chee.standin
import orthanc_plugins.archives
import orthanc_plugins.audit
import orthanc_plugins.benchmark
import orthanc_plugins.certificates
import orthanc_plugins.cli
import orthanc_plugins.content
import orthanc_plugins.custody
import orthanc_plugins.deid
import orthanc_plugins.delivery
import orthanc_plugins.release
import orthanc_plugins.rtstruct
import orthanc_plugins.sync
import orthanc_plugins.validation

MODULES = sorted(
    module.name
    for package in (
        dcm4chee.standin,
        orthanc_plugins.archives,
        orthanc_plugins.audit,
        orthanc_plugins.benchmark,
        orthanc_plugins.certificates,
        orthanc_plugins.cli,
        orthanc_plugins.content,
        orthanc_plugins.custody,
        orthanc_plugins.deid,
        orthanc_plugins.delivery,
        orthanc_plugins.release,
        orthanc_plugins.rtstruct,
        orthanc_plugins.sync,
        orthanc_plugins.validation,
    )
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_a_module(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    finder = doctest.DocTestFinder()
    found = [test for name in MODULES for test in finder.find(importlib.import_module(name)) if test.examples]
    assert len(found) > 10
