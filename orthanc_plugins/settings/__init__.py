"""The whole configuration of the suite.

The section ``PacsSuite`` of Orthanc's own configuration is read first; environment variables
``ORTHANC__PACS_SUITE__…`` win over it. ``{"Orthanc": {"TimeoutS": 5}}`` in the section and
``ORTHANC__PACS_SUITE__ORTHANC__TIMEOUT_S=5`` in the environment are the same setting. A misspelt
key or variable stops the start. Only the entry points see settings; every room below is handed
plain values.
"""

from orthanc_plugins.settings.deidentification import DeidentificationSettings, XnatSettings
from orthanc_plugins.settings.model import ENVIRONMENT_PREFIX, Settings
from orthanc_plugins.settings.reading import CONFIGURATION_FILE_VARIABLE, load_settings, read_settings
from orthanc_plugins.settings.sections import (
    Dcm4cheeSettings,
    OrthancSettings,
    RetentionSettings,
    SignOnSettings,
    StructureFormat,
    StructureSettings,
    UploadSettings,
)
from orthanc_plugins.settings.table import deidentification_table, settings_table

__all__ = [
    "CONFIGURATION_FILE_VARIABLE",
    "ENVIRONMENT_PREFIX",
    "Dcm4cheeSettings",
    "DeidentificationSettings",
    "OrthancSettings",
    "RetentionSettings",
    "Settings",
    "SignOnSettings",
    "StructureFormat",
    "StructureSettings",
    "UploadSettings",
    "XnatSettings",
    "deidentification_table",
    "load_settings",
    "read_settings",
    "settings_table",
]
