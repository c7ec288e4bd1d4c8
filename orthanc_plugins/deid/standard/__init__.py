"""What DICOM says of confidentiality, as data (PS3.15 annex E)."""

from orthanc_plugins.deid.standard.tables import ACTIONS, COLUMNS, PRIVATE, Option, Row, read_rows

__all__ = ["ACTIONS", "COLUMNS", "PRIVATE", "Option", "Row", "read_rows"]
