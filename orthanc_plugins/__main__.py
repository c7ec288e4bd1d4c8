"""``python -m orthanc_plugins``: see `orthanc_plugins.cli`."""

from orthanc_plugins.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
