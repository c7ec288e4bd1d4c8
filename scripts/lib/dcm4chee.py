"""DCM4CHEE's place in a deployment: what stands in for it, or where the real one is.

Only the standard library, and no more of Python than 3.10, as in ``render``.
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

AET = "DCM4CHEE"
KEYS = {
    "DCM4CHEE_AET": "Aet",
    "DCM4CHEE_DICOM_HOST": "DicomHost",
    "DCM4CHEE_USERNAME": "Username",
    "DCM4CHEE_PASSWORD": "Password",
    "DCM4CHEE_TOKEN_URL": "TokenUrl",
    "DCM4CHEE_CLIENT_ID": "ClientId",
    "DCM4CHEE_CLIENT_SECRET": "ClientSecret",
    "DCM4CHEE_CA_FILE": "CaFile",
    "DCM4CHEE_CALLING_AET": "CallingAet",
}
"""What ``.env`` tells of a real one beside its address and port, and the keys of the suite's settings."""
_INSIDE = Path(__file__).resolve().parents[2] / "dcm4chee" / "standin" / "inside"
_PLUGINS = tuple(f"/usr/share/orthanc/plugins/lib{name}.so" for name in ("OrthancDicomWeb", "OrthancPython"))
_OF_AET = re.compile(r"/dcm4chee-arc/aets/([^/]+)/rs/?")
_NO_ANSWER = json.dumps(
    {
        "type": "about:blank",
        "title": "Bad Gateway",
        "status": 502,
        "detail": "DCM4CHEE does not answer: scripts/status tells how the suite is.",
    }
)
_RESOLV_CONF = Path("/etc/resolv.conf")


@dataclass(frozen=True)
class Place:
    """Where a stand-in keeps what it has, and where it listens."""

    folder: Path
    port: int
    orthanc_port: int
    dicom_port: int
    overwrite_policy: str = "SAME_SOURCE"


def web_root(port: int) -> str:
    """Return the root of a stand-in's DICOMweb."""
    return f"http://127.0.0.1:{port}/dcm4chee-arc/aets/{AET}/rs"


def orthanc_configuration(place: Place, **changes: Any) -> dict[str, Any]:
    """Return the configuration of the Orthanc behind a stand-in; changes are put over what is committed."""
    committed = json.loads((_INSIDE / "orthanc.json").read_text(encoding="utf-8"))
    own = {
        "HttpPort": place.orthanc_port,
        "DicomPort": place.dicom_port,
        "StorageDirectory": str(place.folder / "storage"),
        "IndexDirectory": str(place.folder / "storage"),
        "Plugins": [*_PLUGINS, *changes.pop("Plugins", ())],
        "LuaScripts": [str(_INSIDE / "c_store.lua")],
        "PythonScript": str(_INSIDE / "c_store.py"),
        "StandIn": {"OverwritePolicy": place.overwrite_policy},
    }
    return {**committed, **changes, **own}


def shim_configuration(place: Place, **changes: Any) -> dict[str, Any]:
    """Return the configuration of the shim; changes are put over it."""
    return {
        "Port": place.port,
        "OrthancUrl": f"http://127.0.0.1:{place.orthanc_port}",
        "StateFile": str(place.folder / "dcm4chee.sqlite"),
        "OverwritePolicy": place.overwrite_policy,
        **changes,
    }


def fault_of(url: str) -> str | None:
    """Return what is wrong with the address of a DCM4CHEE, None when nothing is."""
    try:
        parts = urlsplit(url)
        named = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        named = False
    if not named:
        return "is no http or https address"
    if not _OF_AET.fullmatch(parts.path) or parts.query or parts.username:
        return "must end with /dcm4chee-arc/aets/ and the AE title and /rs, and hold no password"
    return None


def dicom_of(url: str, port: int) -> dict[str, Any]:
    """Return AE title, host and port of the DICOM services beside a DICOMweb root."""
    parts = urlsplit(url)
    match = _OF_AET.fullmatch(parts.path)
    return {"Aet": match[1] if match else AET, "DicomHost": parts.hostname, "DicomPort": port}


def nginx(where: int | str | None) -> Mapping[str, str]:
    """Return what nginx's template is filled with: nothing, a stand-in's port, or a real one's address."""
    if where is None:
        return {"dcm4chee_upstream": "", "dcm4chee_location": ""}
    if isinstance(where, int):
        upstream = f"upstream dcm4chee {{\n        server 127.0.0.1:{where};\n        keepalive 8;\n    }}\n"
        return {"dcm4chee_upstream": upstream, "dcm4chee_location": _location("http://dcm4chee")}
    parts = urlsplit(where)
    return {
        "dcm4chee_upstream": "" if _is_address(str(parts.hostname)) else _resolver(),
        "dcm4chee_location": _location(f"{parts.scheme}://{parts.netloc}"),
    }


def _location(origin: str) -> str:
    """Return a location whose origin is looked up when it is asked: nginx starts without it, too.

    Who answers is told, so that a stand-in is not taken for the real one.
    """
    lines = (
        "location /dcm4chee-arc/ {",
        f"    set $dcm4chee {origin};",
        "    proxy_ssl_server_name on;",
        "    proxy_pass_header Server;",
        "    error_page 502 504 @no_dcm4chee;",
        "    proxy_pass $dcm4chee;",
        "}",
        "location @no_dcm4chee {",
        "    default_type application/problem+json;",
        f"    return 502 '{_NO_ANSWER}';",
        "}",
    )
    return "\n        ".join(lines)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _resolver() -> str:
    text = _RESOLV_CONF.read_text(encoding="utf-8") if _RESOLV_CONF.exists() else ""
    servers = re.findall(r"^nameserver\s+([0-9a-fA-F:.]+)", text, re.MULTILINE)
    named = " ".join(f"[{server}]" if ":" in server else server for server in servers) or "127.0.0.1"
    return f"resolver {named};\n"
