"""`python -m connector`: the same as the command `connector`."""

from __future__ import annotations

from connector.cli.main import app

if __name__ == "__main__":
    app(prog_name="connector")
