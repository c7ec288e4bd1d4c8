"""Swagger UI from local files: hospitals have no internet."""

import html

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Orthanc PACS Suite: routes</title>
<link rel="icon" href="{mount}/static/documentation/favicon.png">
<link rel="stylesheet" href="{mount}/static/documentation/swagger-ui.css">
</head>
<body>
<div id="swagger-ui" data-openapi="{mount}/openapi.json"></div>
<script src="{mount}/static/documentation/swagger-ui-bundle.js"></script>
<script src="{mount}/static/web/documentation.js"></script>
</body>
</html>
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; frame-ancestors 'self'"
)


@router.get("/docs", response_class=HTMLResponse)
def swagger_ui(request: Request) -> HTMLResponse:
    """Return the page that documents the routes and lets a user try them."""
    mount = html.escape(request.scope.get("root_path", ""))
    return HTMLResponse(_PAGE.format(mount=mount), headers={"Content-Security-Policy": _POLICY})
