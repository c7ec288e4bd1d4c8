"""``volumes.json`` by dicompyler-core, which makes no masks: ``… RTSTRUCT IMAGES OUTPUT``."""

import json
import sys
from pathlib import Path

from dicompylercore import dicomparser


def main(structure_set: str, images: str, output: str) -> None:
    """Write the volume in ml of each region by name."""
    del images
    parser = dicomparser.DicomParser(structure_set)
    volumes = {}
    for number, structure in parser.GetStructures().items():
        planes = parser.GetStructureCoordinates(number)
        thickness_mm = parser.CalculatePlaneThickness(planes)
        volumes[structure["name"]] = float(parser.CalculateStructureVolume(planes, thickness_mm))
    (Path(output) / "volumes.json").write_text(json.dumps(volumes), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
