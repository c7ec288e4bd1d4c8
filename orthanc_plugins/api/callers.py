"""Who asks a route, as far as Orthanc itself vouches for them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import Request

    from orthanc_plugins.services import Services

_ACCOUNT = re.compile(r"[\w.@\\/-]{1,64}", re.ASCII)


def user_of(services: Services, request: Request) -> str | None:
    """Return the user of Orthanc who asks; None where Orthanc asks nobody for a name, or the name is odd.

    Raises
    ------
    ArchiveUnavailable
        Orthanc does not answer.
    """
    authorisation = request.headers.get("authorization")
    user = None if authorisation is None else services.deidentification.user_of(authorisation)
    return user if user is not None and _ACCOUNT.fullmatch(user) else None
