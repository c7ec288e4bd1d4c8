"""What is made of results for people and browsers: contours, report and scene.

Public: `write_documents`, `Documents`, `write_contours`, `write_report`, `write_scene`; loaded when first
asked for, as they need Pillow and reportlab.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
