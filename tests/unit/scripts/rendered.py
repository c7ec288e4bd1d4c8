"""Files of a deployment, as they are rendered."""

from __future__ import annotations

import configparser
import json
from typing import Any

from scripts.lib.render import (
    Deployment,
    render,
)


def rendered_json(deployment: Deployment) -> Any:
    render(deployment)
    return json.loads(deployment.orthanc_json.read_text(encoding="utf-8"))


def supervisor_file(deployment: Deployment) -> configparser.ConfigParser:
    render(deployment)
    parser = configparser.ConfigParser()
    parser.read(deployment.run / "supervisord.conf", encoding="utf-8")
    return parser


def nginx_file(deployment: Deployment) -> str:
    render(deployment)
    return (deployment.run / "nginx.conf").read_text(encoding="utf-8")
