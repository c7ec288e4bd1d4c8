"""dcmanon with its default actions."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from tests.bench.deid.drivers.serving import one_by_one, serve


def main() -> None:
    """Serve its only function; bytes come out, which are written."""
    anonymizer = import_module("dcmanon").Anonymizer()

    def anonymise(source: str, target: str) -> None:
        Path(target).write_bytes(anonymizer.anonymize(source))

    serve(one_by_one(anonymise))


if __name__ == "__main__":
    main()
