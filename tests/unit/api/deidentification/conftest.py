"""The routes with two projects: one that can be used, and one without a key."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from orthanc_plugins.api import create_app
from orthanc_plugins.projects import Custodian, Deidentification
from orthanc_plugins.rules import DeidentificationProject
from orthanc_plugins.sign_on import SignOn
from orthanc_plugins.signing_keys import create_signing_key
from tests.unit.api.conftest import Client
from tests.unit.api.deidentification.asked import PROJECTS, STUDY, user_of

if TYPE_CHECKING:
    from orthanc_plugins.services import Services
    from tests.fakes import FakeOrthancRest


@pytest.fixture
def joined(services: Services, orthanc: FakeOrthancRest) -> Services:
    projects = {one["name"]: DeidentificationProject.model_validate(one) for one in PROJECTS}
    custodian = Custodian(services.data / "custody", services.data / "audit")
    custodian.create("trial", reversible=True)
    create_signing_key(custodian.folder)
    orthanc.store(STUDY, "1.2.1.1", "1.2.1.1.1", study_tags={"PatientID": "HOSP-778812"})
    chosen = Deidentification(custodian, projects, "trial", look_up_users=frozenset({"ann"}))
    return replace(services, deidentification=chosen, sign_on=SignOn(user_of))


@pytest.fixture
def client(joined: Services) -> Client:
    return Client(create_app(joined))
