"""XNAT stand-in."""
