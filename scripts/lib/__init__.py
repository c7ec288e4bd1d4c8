"""The parts of the scripts that are Python: configuration, health, sample case."""
