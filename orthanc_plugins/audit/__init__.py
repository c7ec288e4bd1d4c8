"""The audit trail: who did what to which study, and that nobody has changed the record since (PS3.15 A.5)."""
