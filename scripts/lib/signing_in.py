"""Who the scripts are where the suite's Orthanc asks for a user: whom ``PacsSuite.Orthanc`` names."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import TYPE_CHECKING

from orthanc_plugins.errors import ConfigurationError
from orthanc_plugins.settings import load_settings
from scripts.lib.render import DeploymentError, orthanc_configuration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.lib.render import Deployment

NOBODY = (
    "give Orthanc.Username and Orthanc.Password, a user of RegisteredUsers, in the section PacsSuite of "
    "orthanc-config/orthanc.json, then run scripts/up"
)
"""What is to be done where Orthanc lets the scripts not in."""


def signed_in(deployment: Deployment) -> Mapping[str, str]:
    """Return the header that tells Orthanc who asks (RFC 7617).

    There is none where the settings name nobody, or are not valid: what asks then says what it was answered.
    """
    try:
        orthanc = load_settings(orthanc_configuration(deployment), os.environ).orthanc
    except (ConfigurationError, DeploymentError):
        return {}
    if orthanc.username is None:
        return {}
    password = "" if orthanc.password is None else orthanc.password.get_secret_value()
    return {"Authorization": f"Basic {b64encode(f'{orthanc.username}:{password}'.encode()).decode('ascii')}"}
