"""The routes of the shim."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from dcm4chee.standin.configuration import Configuration


def create_app(configuration: Configuration) -> Starlette:
    """Return the application that answers in dcm4chee's place."""
    client = httpx.AsyncClient(base_url=configuration.orthanc_url, timeout=httpx.Timeout(600, connect=5))

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await client.aclose()

    async def server_time(_: Request) -> Response:
        now = datetime.now().astimezone() + timedelta(seconds=configuration.clock_skew_s)
        text = now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}" + now.strftime("%z")
        return JSONResponse({"serverTimeWithTimezone": text})

    async def status(_: Request) -> Response:
        version = await client.get("/system")
        name = f"DCM4CHEE stand-in (Orthanc {version.json()['Version']})"
        return JSONResponse({"status": "STARTED"}, headers={"Server": name})

    async def passed_on(request: Request) -> Response:
        headers = {
            name: value for name, value in request.headers.items() if name in {"accept", "content-type"}
        }
        headers |= {
            "host": request.headers["host"],
            "x-forwarded-host": request.headers["host"],
            "x-forwarded-proto": "http",
        }
        asked = client.build_request(
            request.method,
            request.url.path,
            params=request.url.query,
            headers=headers,
            content=request.stream() if request.method in {"POST", "PUT"} else None,
        )
        answer = await client.send(asked, stream=True)
        if answer.headers.get("content-type", "").startswith("application/dicom+json"):
            body = await answer.aread()
            if request.method == "GET" and answer.is_success and not json.loads(body):
                return Response(status_code=HTTPStatus.NO_CONTENT)
            return Response(body, answer.status_code, media_type=answer.headers["content-type"])
        kept = {name: value for name, value in answer.headers.items() if name == "content-type"}
        return StreamingResponse(answer.aiter_raw(1 << 18), answer.status_code, headers=kept)

    return Starlette(
        routes=[
            Route("/dcm4chee-arc/ctrl/status", status),
            Route("/dcm4chee-arc/monitor/serverTime", server_time),
            Route("/dcm4chee-arc/aets/DCM4CHEE/rs/{path:path}", passed_on, methods=["GET", "POST"]),
        ],
        lifespan=lifespan,
    )
