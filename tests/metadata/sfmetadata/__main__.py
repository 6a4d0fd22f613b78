"""`python -m tests.metadata.sfmetadata PROJECT`: check a Salesforce DX project."""

from __future__ import annotations

import sys
from pathlib import Path

from .check import check


def main(arguments: list[str]) -> int:
    """Print what is wrong with the project in the folder named; 1 where anything is."""
    findings = check(Path(arguments[0]))
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    sys.stdout.write(f"{len(findings)} findings\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
