"""Orthanc PACS Suite: Python plugins that live inside Orthanc, and the worker that does their work.

Orthanc's process loads ``plugin`` and ``api`` only; everything that computes runs in ``worker``.
Imports point downwards only; ``pyproject.toml`` holds the contracts.
"""

__version__ = "0.1.0"
