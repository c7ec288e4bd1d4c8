"""Texts in tables that are opened in spreadsheets."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A cell that begins so is taken for a formula."""


def harmless(text: str) -> str:
    """Return a text that a spreadsheet shows and never runs.

    >>> harmless("=cmd|'/c calc'!A1"), harmless("GTV")
    ("'=cmd|'/c calc'!A1", 'GTV')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text
