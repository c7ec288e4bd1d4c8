"""Checks of what de-identification made, by code that shares nothing with it."""
