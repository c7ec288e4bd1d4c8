"""Which structure sets a run is about, and where the results of each go."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from orthanc_plugins.cli.rtstruct.orthanc_address import is_address, parse_address, structure_sets
from orthanc_plugins.cli.rtstruct.sources import file_source
from orthanc_plugins.errors import ConfigurationError, InvalidDicom
from orthanc_plugins.identifiers import is_dicom_uid
from orthanc_plugins.rtstruct import read_structure_set
from orthanc_plugins.rtstruct.reading.finding import FoundFiles, find_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from orthanc_plugins.cli.rtstruct.orthanc_address import OrthancAddress
    from orthanc_plugins.cli.rtstruct.sources import SetSource

_NO_UID = "no-uid-"
_ZIP = b"PK\x03\x04"


@dataclass(frozen=True)
class Planned:
    """A structure set of a run.

    ``open`` gives the source when its turn comes; ``folder`` is the place of its results. ``fault`` says why
    it cannot have one.
    """

    label: str
    sop_instance_uid: str
    folder: Path
    open: Callable[[], SetSource]
    fault: str = ""


@dataclass
class Plan:
    """What was found among the inputs, and what is to be done."""

    sets: list[Planned] = field(default_factory=list)
    found: FoundFiles = field(default_factory=FoundFiles)
    in_orthanc: int = 0

    @property
    def counted(self) -> str:
        """What was found, as a line."""
        found = self.found
        copies = f" ({found.copies} copies left out)" if found.copies else ""
        damaged = f", files that cannot be read: {len(found.unreadable)}" if found.unreadable else ""
        closed = f", folders that cannot be read: {found.closed_folders}" if found.closed_folders else ""
        orthanc = f", in Orthanc: {self.in_orthanc}" if self.in_orthanc else ""
        count = sum(len(of_frame) for of_frame in found.doses.values())
        doses = f", doses: {count}" if count else ""
        return (
            f"structure sets: {len(found.structure_sets)}{copies}{orthanc}, images: {found.images} in "
            f"{len(found.series)} series{doses}, other files: {found.others}{closed}{damaged}"
        )


def check_inputs(inputs: Sequence[str], output: Path) -> None:
    """Check the paths given.

    Raises
    ------
    ConfigurationError
        One of them cannot be used.
    """
    paths = [Path(text) for text in inputs if not is_address(text)]
    absent = [str(path) for path in paths if not (path.is_file() or path.is_dir())]
    if absent:
        raise ConfigurationError(f"not found, or neither file nor folder: {', '.join(absent)}")
    if zips := [str(path) for path in paths if path.is_file() and _begins_as_zip(path)]:
        raise ConfigurationError(f"a zip is not read: unpack it and give the folder: {', '.join(zips)}")
    if is_address(str(output)):
        raise ConfigurationError("the last argument is the folder for the results, not an address.")
    if output.exists() and not output.is_dir():
        raise ConfigurationError(f"{output} is a file: the last argument is the folder for the results.")


def _begins_as_zip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(len(_ZIP)) == _ZIP


def make_plan(
    inputs: Sequence[str],
    output: Path,
    on_progress: Callable[[FoundFiles], None] | None = None,
    *,
    allow_other_frame: bool = False,
) -> Plan:
    """Return the structure sets among files, folders and addresses.

    Among files, ``allow_other_frame`` lays sets on the only series that is there, whatever its frame.

    Raises
    ------
    ConfigurationError
        An address cannot be understood.
    ArchiveError
        An Orthanc does not answer, or does not hold what an address names.
    """
    addresses = [parse_address(text) for text in inputs if is_address(text)]
    paths = [Path(text) for text in inputs if not is_address(text)]
    plan = Plan(found=find_files(paths, on_progress))
    opened = partial(file_source, found=plan.found, allow_other_frame=allow_other_frame)
    candidates = [
        Planned(str(one.path), one.sop_instance_uid, output, partial(opened, one))
        for one in plan.found.structure_sets
    ]
    in_orthanc = {one.label: one for address in addresses for one in _in_orthanc(address, output)}
    plan.in_orthanc = len(in_orthanc)
    plan.sets = list(_placed([*candidates, *in_orthanc.values()], output))
    return plan


def _in_orthanc(address: OrthancAddress, output: Path) -> Iterator[Planned]:
    from orthanc_plugins.cli.rtstruct.orthanc_source import OrthancSource  # noqa: PLC0415 - for addresses alone

    for record in structure_sets(address.connect(), address):
        source = OrthancSource(address, record.orthanc_id, record.sop_instance_uid)
        yield Planned(source.label, source.sop_instance_uid, output, partial(_itself, source))


def _itself(source: SetSource) -> SetSource:
    return source


def _placed(candidates: Sequence[Planned], output: Path) -> Iterator[Planned]:
    """Yield each set with a folder named by its SOP Instance UID: the same in every run."""
    times = Counter(one.sop_instance_uid for one in candidates)
    holders: dict[str, str] = {}
    for one in candidates:
        uid = one.sop_instance_uid
        fault = ""
        if uid in holders:
            fault = (
                f"Another structure set, {holders[uid]}, has its SOP Instance UID {uid} and the folder of "
                "that name: extract it alone, into a folder of its own."
            )
        elif times[uid] == 1 or _can_be_read(one):
            holders[uid] = one.label
        yield Planned(one.label, uid, output / folder_name(uid), one.open, fault)


def folder_name(sop_instance_uid: str) -> str:
    """Return the name of a set's folder: its SOP Instance UID, or a digest of what is none.

    >>> folder_name("1.2.3"), folder_name("../evil")
    ('1.2.3', 'no-uid-2d6afc710923ce47')
    """
    if is_dicom_uid(sop_instance_uid):
        return sop_instance_uid
    digest = hashlib.sha256(sop_instance_uid.encode(errors="surrogatepass")).hexdigest()
    return f"{_NO_UID}{digest[:16]}"


def is_folder_name(name: str) -> bool:
    """Return whether a folder can be that of a structure set."""
    return is_dicom_uid(name) or name.startswith(_NO_UID)


def _can_be_read(planned: Planned) -> bool:
    """Return whether a file is whole: one that is not leaves its UID's folder to another."""
    try:
        read_structure_set(planned.open().content())
    except (InvalidDicom, OSError):
        return False
    return True
