"""What happens when Orthanc loads the suite."""

from __future__ import annotations

import gc
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orthanc_plugins import __version__
from orthanc_plugins.api import create_app
from orthanc_plugins.api.actions import actions_of, as_json, what_is_set
from orthanc_plugins.archives.base import ArchiveName
from orthanc_plugins.forwarding import OFFERING, StudyForwarding
from orthanc_plugins.logs import configure_logging
from orthanc_plugins.plugin.asgi_bridge import AsgiBridge
from orthanc_plugins.plugin.events import Events
from orthanc_plugins.plugin.interpreter import as_callback
from orthanc_plugins.plugin.orthanc_logs import OrthancLogHandler
from orthanc_plugins.plugin.supervisor import WorkerSupervisor
from orthanc_plugins.reception import Reception
from orthanc_plugins.services import AUTHORISATION_VARIABLE, build_services
from orthanc_plugins.settings import CONFIGURATION_FILE_VARIABLE, Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import datetime

    from orthanc_plugins.identifiers import OrthancId
    from orthanc_plugins.rules import ForwardingRule
    from orthanc_plugins.services import Services

logger = logging.getLogger(__name__)

MOUNT = "/pacs"
"""Where the suite stands in Orthanc's REST tree."""

_ROOT = Path(__file__).resolve().parent.parent.parent
_EXPLORER = _ROOT / "orthanc_plugins" / "web" / "explorer.js"


def register(orthanc: Any, environment: Mapping[str, str] = os.environ) -> None:
    """Register the suite's routes and callbacks with Orthanc.

    Raises
    ------
    ConfigurationError
        The section ``PacsSuite`` is not valid. Orthanc then refuses to start, and says why.
    """
    configuration = json.loads(orthanc.GetConfiguration())
    settings = load_settings(configuration, environment)
    configure_logging(settings.log_level, OrthancLogHandler(orthanc))
    authorisation = orthanc.GenerateRestApiAuthorizationToken()
    services = build_services(settings, authorisation)
    bridge = AsgiBridge(create_app(services), MOUNT)
    supervisor = _supervisor(settings, configuration, environment, authorisation)

    def started() -> None:
        events.start()
        if supervisor is not None:
            supervisor.start()
        logger.info("Orthanc PACS Suite %s is ready at %s.", __version__, MOUNT)

    def stopped() -> None:
        if supervisor is not None:
            supervisor.stop()
        events.stop()
        bridge.close()
        services.close()

    events = Events(
        orthanc,
        Reception(services.orthanc, services.store, services.queue),
        _forwarding(services),
        _deletions(services),
        started=started,
        stopped=stopped,
    )
    orthanc.RegisterRestCallback(f"{MOUNT}(/.*)?", as_callback(bridge.answer))
    orthanc.RegisterOnStoredInstanceCallback(as_callback(events.on_stored_instance))
    orthanc.RegisterOnChangeCallback(as_callback(events.on_change))
    orthanc.ExtendOrthancExplorer(_explorer(services))
    # What is loaded by now stays: the collector need not walk it again during Orthanc's ingest.
    gc.collect()
    gc.freeze()


def _explorer(services: Services) -> str:
    """Return the script that adds to Orthanc Explorer what can be done here."""
    actions = json.dumps(as_json(actions_of(what_is_set(services))))
    return _EXPLORER.read_text(encoding="utf-8").replace('"$actions"', actions, 1)


def _forwarding(services: Services) -> tuple[StudyForwarding, ...]:
    """Return what turns studies that are complete into jobs."""
    rules = services.deidentification.rules
    return (
        StudyForwarding(services.orthanc, services.store, services.queue, _rules(services)),
        StudyForwarding(services.orthanc, services.store, services.queue, rules, OFFERING),
    )


def _rules(services: Services) -> tuple[ForwardingRule, ...]:
    """Return the rules of forwarding, none where there is nowhere to send to."""
    return services.forwarding.rules if ArchiveName.DCM4CHEE in services.archives else ()


def _deletions(services: Services) -> Callable[[Collection[OrthancId], datetime], object]:
    """Return what remembers that Orthanc deleted something; only two archives are ever compared by it."""
    if ArchiveName.DCM4CHEE not in services.archives:
        return lambda _deleted, _at: None
    return services.store.inventory.note_deletions


def _supervisor(
    settings: Settings, configuration: Mapping[str, Any], environment: Mapping[str, str], authorisation: str
) -> WorkerSupervisor | None:
    """Return what keeps the embedded worker running, None when workers are started by someone else."""
    if settings.workers == "external":
        return None
    section = settings.data_directory / "run" / "worker.json"
    section.parent.mkdir(parents=True, exist_ok=True)
    section.touch(mode=0o600)
    section.chmod(0o600)
    read = {key: configuration[key] for key in ("PacsSuite", "DicomAet") if key in configuration}
    section.write_text(json.dumps(read), encoding="utf-8")
    return WorkerSupervisor(
        [settings.python_executable, "-m", "orthanc_plugins.worker", "--embedded"],
        folder=_ROOT,
        environment={
            **environment,
            CONFIGURATION_FILE_VARIABLE: str(section.absolute()),
            AUTHORISATION_VARIABLE: authorisation,
        },
        log_path=settings.data_directory / "logs" / "worker.log",
    )
