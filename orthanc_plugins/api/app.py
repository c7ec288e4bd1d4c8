"""The ASGI application that is mounted in Orthanc's REST tree."""

from __future__ import annotations

import time
from importlib import resources
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from orthanc_plugins import __version__
from orthanc_plugins.api.problems import install_problem_handlers, problem_documented
from orthanc_plugins.api.routers import (
    actions,
    anonymize,
    anonymize_studies,
    audit,
    benchmarks,
    comparison,
    comparisons,
    documentation,
    events,
    growth,
    health,
    held,
    jobs,
    look_up,
    patients,
    previews,
    process,
    pulse,
    region_table,
    release_looks,
    releases,
    repairs,
    results,
    rules,
    session,
    studies,
    study_comparison,
    sync,
    sync_history,
    thumbnails,
    transfers,
    ui,
    ui_links,
    upload,
)
from orthanc_plugins.metrics import RequestMetrics

if TYPE_CHECKING:
    from orthanc_plugins.services import Services

_DESCRIPTION = """\
Times are ISO 8601, UTC. Errors are problem details (RFC 9457) whose `detail` says what to do.

Addresses in answers are absolute paths on the host that was asked, such as `/pacs/api/jobs/…`; they can be
followed through Orthanc's own port and through nginx alike. A reverse proxy that shows Orthanc below a path
of its own says so in `X-Forwarded-Prefix`.

On Orthanc's own port an answer other than 200 is sent as `text/plain`, with its media type in `X-Media-Type`,
405 has no body, and HEAD is not answered; nginx mends the first and the last.
"""


def create_app(services: Services) -> FastAPI:
    """Return the application, whose routes work with these services."""
    app = FastAPI(
        title="Orthanc PACS Suite",
        version=__version__,
        summary="Structure sets made into masks, archives kept in step, studies de-identified, in Orthanc.",
        description=_DESCRIPTION,
        responses={"default": problem_documented("A problem, with what to do.")},
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.services = services
    app.state.started = time.monotonic()
    app.state.looked_at = {}
    install_problem_handlers(app)
    app.add_middleware(RequestMetrics)
    for router in (
        session.router,
        pulse.router,
        events.router,
        growth.router,
        health.router,
        jobs.router,
        process.router,
        comparison.router,
        region_table.router,
        results.router,
        upload.router,
        sync.alias,
        patients.router,
        thumbnails.router,
        study_comparison.router,
        repairs.of_study,
        repairs.router,
        studies.router,
        comparisons.router,
        sync.router,
        sync_history.router,
        rules.router,
        transfers.router,
        benchmarks.router,
        anonymize.router,
        anonymize_studies.router,
        look_up.router,
        release_looks.router,
        releases.router,
        held.router,
        previews.router,
        audit.router,
        actions.router,
    ):
        app.include_router(router, prefix="/api")
    app.include_router(documentation.router)
    app.include_router(ui_links.router)
    app.include_router(ui.router)
    for mount in ("", "/"):
        app.add_api_route(mount, ui.to_dashboard, include_in_schema=False)
    static = resources.files("fastapi_offline") / "static"
    app.mount("/static/documentation", StaticFiles(directory=str(static)), name="documentation")
    web = resources.files("orthanc_plugins") / "web"
    app.mount("/static/web", StaticFiles(directory=str(web)), name="web")
    ui.mount_files(app, services.web_libraries)
    return app
