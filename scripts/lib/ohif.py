"""What OHIF's settings say beside what is committed: which archives this deployment has.

Only the standard library, and no more of Python than 3.10, as in ``render``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from scripts.lib import dcm4chee

if TYPE_CHECKING:
    from scripts.lib.deployment import Deployment


def app_config(deployment: Deployment) -> str:
    """Return the committed ``ohif/app-config.js``, and DCM4CHEE as its second archive where there is one.

    OHIF is told a path of its own origin: nginx passes it on, so no page learns where DCM4CHEE is, or who
    the suite is there.
    """
    committed = (deployment.repository / "ohif" / "app-config.js").read_text(encoding="utf-8")
    url = dcm4chee.web_root(deployment.ports.dcm4chee) if deployment.stand_in else deployment.dcm4chee_url
    if url is None:
        return committed
    title = "DCM4CHEE (stand-in)" if deployment.stand_in else "DCM4CHEE"
    told = ", ".join(json.dumps(value) for value in ("DCM4CHEE", urlsplit(url).path.rstrip("/"), title))
    return f"{committed}\nwindow.config.dataSources.push(archive({told}));\n"
