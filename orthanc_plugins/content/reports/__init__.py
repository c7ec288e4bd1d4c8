"""Comparisons for people and for programs: JSON, CSV, a page of HTML, and PDF.

Public: `Report`, `report_json`, `report_csv`, `report_html`, `report_pdf`; of more than fit into memory
`Summary`, `JsonStream`, `CsvStream`; of how far both archives were checked `Checked`, `Stock`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
