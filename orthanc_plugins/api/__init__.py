"""The suite's routes: one FastAPI application, mounted in Orthanc's REST tree.

What it is for: answer from the store and the queue; nothing is computed here, because all Python in
Orthanc's process shares one interpreter lock.

Public: ``create_app``.

Decisions
---------
2026-11: Orthanc passes GET, POST, PUT and DELETE only, a query string on GET only and a body on POST and
    PUT only; routes keep to that.
2026-11: addresses in answers are absolute paths made by `Links` from the root the request came through;
    those relative to something a client must know first were not followed.
2026-11: Swagger UI comes from the package fastapi-offline: hospitals have no internet.
"""

from orthanc_plugins.api.app import create_app

__all__ = ["create_app"]
