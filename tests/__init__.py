"""Everything that proves the suite: see the folders."""
