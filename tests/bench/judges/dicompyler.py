"""Ask dicompyler-core for histograms: ``PYTHON tests/bench/judges/dicompyler.py RTSTRUCT RTDOSE``.

Runs in an environment of its own (dicompyler-core 0.5.6 needs pydicom 2) and knows nothing of this project.
Writes JSON: for each ROI Number, ``mean``, ``max``, ``d95`` (Gy), ``v20`` (per cent), or ``error``.
"""

import json
import sys
import time

from dicompylercore import dvhcalc
from dicompylercore.dicomparser import DicomParser


def main(structures: str, dose: str) -> None:
    """Write what it finds."""
    found: dict[int, dict[str, float | str]] = {}
    start = time.process_time()
    for number in DicomParser(structures).GetStructures():
        try:
            dvh = dvhcalc.get_dvh(structures, dose, number)
            cumulative = dvh.relative_volume
            found[number] = {
                "mean": float(dvh.mean),
                "max": float(dvh.max),
                "d95": float(dvh.statistic("D95").value),
                "v20": float(cumulative.counts[2000]) if len(cumulative.counts) > 2000 else 0.0,
                "volume": float(dvh.volume),
            }
        except Exception as error:  # noqa: BLE001 - whatever it raises is its answer
            found[number] = {"error": type(error).__name__}
    json.dump({"cpu_s": time.process_time() - start, "regions": found}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
