"""dicom-anonymizer with its newest table, that of 2026c."""

from __future__ import annotations

from functools import partial
from importlib import import_module

from tests.bench.deid.drivers.serving import one_by_one, serve


def main() -> None:
    """Serve its own function for files."""
    simple = import_module("dicomanonymizer.simpledicomanonymizer")
    rules = partial(simple.initialize_actions, "dicomfields_2026c")
    serve(one_by_one(partial(simple.anonymize_dicom_file, base_rules_gen=rules)))


if __name__ == "__main__":
    main()
