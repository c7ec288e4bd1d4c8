"""What OHIF needs of a deployment: which archives there are, and searches that Orthanc understands.

Only the standard library, and no more of Python than 3.10, as in ``render``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from scripts.lib import dcm4chee

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.lib.deployment import Deployment


_MOST_ENCODED = 12
"""How many places of a search may be encoded; one with more is passed on as it is."""


def searches() -> str:
    """Return lines of a map of nginx that put ``*`` wherever a search of DICOMweb is encoded."""
    lines = []
    for count in range(1, _MOST_ENCODED + 1):
        plain = [f"(?<plain{number}>[^%]*)" for number in range(count + 1)]
        encoded = "(?:%[0-9A-Fa-f]{2})+".join(plain)
        star = "*".join(f"${{plain{number}}}" for number in range(count + 1))
        lines.append(f'"~^/dicom-web/(?:studies|series|instances|[0-9./])+ {encoded}$" "{star}";')
    return "\n        ".join(lines)


def app_config(deployment: Deployment, section: Mapping[str, Any]) -> str:
    """Return the committed ``ohif/app-config.js``, and DCM4CHEE as its second archive where it can be read.

    OHIF is told a path of its own origin: nginx passes it on, so no page learns where DCM4CHEE is, or who
    the suite is there.
    """
    committed = (deployment.repository / "ohif" / "app-config.js").read_text(encoding="utf-8")
    url = dcm4chee.web_root(deployment.ports.dcm4chee) if deployment.stand_in else deployment.dcm4chee_url
    if url is None or not dcm4chee.is_read_by_browsers(section):
        return committed
    title = "DCM4CHEE (stand-in)" if deployment.stand_in else "DCM4CHEE"
    told = ", ".join(json.dumps(value) for value in ("DCM4CHEE", urlsplit(url).path.rstrip("/"), title))
    return f"{committed}\nwindow.config.dataSources.push(archive({told}));\n"
