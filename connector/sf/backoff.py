"""How long to wait before trying again: longer each time, up to a cap, with a random part so that many don't meet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Waits in seconds: `first`, then `factor` times the one before, at most `cap`."""

    first: float = 1.0
    factor: float = 2.0
    cap: float = 60.0

    def wait(self, failures: int, spread: float = 0.0) -> float:
        """The wait after this many failures in a row, from 1. `spread` between 0 and 1 takes up to half of it away."""
        if failures < 1:
            return 0.0
        grown = self.first * self.factor ** min(failures - 1, 64)
        return min(grown, self.cap) * (1 - spread / 2)
