"""What calls each tool, on that tool's own Python: ``python -m tests.bench.deid.drivers.run_… [arguments]``.

Peers are imported by name at run time: they are not installed where the code is checked.
"""
