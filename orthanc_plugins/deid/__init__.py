"""De-identification: objects in, objects without identity out (PS3.15 annex E)."""
