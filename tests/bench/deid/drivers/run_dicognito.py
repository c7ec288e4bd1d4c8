"""dicognito as its command has it, with one anonymizer for all files."""

from __future__ import annotations

from importlib import import_module

from tests.bench.deid.drivers.serving import one_by_one, serve


def main() -> None:
    """Serve reading, its anonymizer and writing."""
    pydicom = import_module("pydicom")
    anonymizer = import_module("dicognito.anonymizer").Anonymizer()

    def anonymise(source: str, target: str) -> None:
        with pydicom.dcmread(source) as dataset:
            anonymizer.anonymize(dataset)
            dataset.save_as(target)

    serve(one_by_one(anonymise))


if __name__ == "__main__":
    main()
