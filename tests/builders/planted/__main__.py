"""Write the planted corpus to a folder: ``python -m tests.builders.planted OUTPUT``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.builders.planted.build import build_corpus


def main(arguments: list[str] | None = None) -> int:
    """Write corpus and key and say what is in them."""
    parser = argparse.ArgumentParser(prog="python -m tests.builders.planted", description=__doc__)
    parser.add_argument("output", type=Path, help="folder to write to")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other identities")
    chosen = parser.parse_args(arguments)
    corpus = build_corpus(chosen.output, seed=chosen.seed)
    corpus.write_key(chosen.output / "key.json")
    for kind, count in sorted(corpus.plants_by_kind().items()):
        sys.stdout.write(f"{count:6} {kind}\n")
    sys.stdout.write(
        f"{len(corpus.files)} files, {len(corpus.plants)} places, {len(corpus.kept)} values to keep, "
        f"{len(corpus.references)} references, {len(corpus.hostile)} hostile files: {chosen.output}\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
