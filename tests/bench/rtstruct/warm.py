"""The engine's command, again and again in one process: a line in, a run, a line of JSON out.

``python -m tests.bench.rtstruct.warm INPUT OUTPUT FORMATS``
"""

from __future__ import annotations

import contextlib
import io
import json
import resource
import sys
import time
from pathlib import Path

from orthanc_plugins.cli import main as pacs
from tests.bench.rtstruct.running import NOTHING_WRITTEN, Run, emptied

_WRITTEN = {"nifti": ".gz", "stl": ".stl", "png": ".png", "json": ".json"}


def main(source: str, output: str, formats: str) -> None:
    """Run once for each line of standard input, until it ends."""
    for _ in sys.stdin:
        emptied(Path(output))
        began, cpu = time.perf_counter(), time.process_time()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = pacs(["rtstruct", source, output, "--formats", formats])
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        written = {path.suffix for path in Path(output).rglob("*")}
        if not {_WRITTEN[name] for name in formats.split(",")} <= written:
            code = NOTHING_WRITTEN  # a folder that was not empty would be taken for work that is done
        print(json.dumps(Run(seconds, cpu_s, peak_mb, code).record()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
