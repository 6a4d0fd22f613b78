"""The documentation for partners says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from connector.callouts.signature import sign

REPOSITORY = Path(__file__).resolve().parents[2]
DOCUMENT = (REPOSITORY / "docs" / "callouts.md").read_text(encoding="utf-8")
NO_CODES = {
    *("GET", "POST", "PUT", "PATCH", "DELETE", "HTTP_"),
    *("INTERNAL", "INVALID", "UNAUTHORIZED", "UNKNOWN", "UNKNOWN_"),  # not what partners hear
}


def test_the_example_of_a_signature() -> None:
    fields = dict(re.findall(r"^\| (\w+) \| `(.+)` \|$", DOCUMENT, re.MULTILINE))
    assert sign(fields["secret"], int(fields["timestamp"]), fields["body"].encode()) == fields["signature"]


def test_every_code_is_in_a_table() -> None:
    sources = [*(REPOSITORY / "connector" / "callouts").glob("*.py"), *(REPOSITORY / "connector" / "api").glob("*.py")]
    found = {
        code for source in sources for code in re.findall(r'f?"([A-Z][A-Z_]{2,})(?:"|\{)', source.read_text("utf-8"))
    }
    assert len(found) > 30
    missing = sorted(code for code in found - NO_CODES if f"`{code}`" not in DOCUMENT)
    assert missing == []
