"""idiscore with its rules of the Basic Profile."""

from __future__ import annotations

from importlib import import_module

from tests.bench.deid.drivers.serving import one_by_one, serve


def main() -> None:
    """Serve reading, its core and writing."""
    pydicom = import_module("pydicom")
    defaults = import_module("idiscore.defaults")
    profile = import_module("idiscore.core").Profile([defaults.get_dicom_rule_sets().basic_profile])
    core = defaults.create_core(profile, [])

    def anonymise(source: str, target: str) -> None:
        core.deidentify(pydicom.dcmread(source)).save_as(target)

    serve(one_by_one(anonymise))


if __name__ == "__main__":
    main()
