"""Programs that the engine is judged by, run by themselves on a Python of their own."""
