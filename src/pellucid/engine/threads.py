"""How many threads the engine gets, and why.

Decoding waits for its slowest thread at every layer, so one thread too many costs far more than
one too few: on a machine whose two cores were already busy, two threads wrote 30 times slower
than the same two on idle cores. Hyper-threads share the units that matter, so physical cores
are what counts.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

CPUS = Path("/sys/devices/system/cpu")
QUOTA = Path("/sys/fs/cgroup/cpu.max")


def choose(wanted: int = 0, cpus: Path = CPUS, quota: Path = QUOTA) -> tuple[int, str]:
    """Number of threads and the reason, as a sentence. `wanted` above 0 is taken as it is."""
    if wanted > 0:
        return wanted, f"{wanted} threads, as set"
    allowed = _allowed()
    cores = {_siblings(cpus, cpu) for cpu in allowed}
    count = len(cores)
    why = f"{count} physical {'core' if count == 1 else 'cores'} open to this process"
    if len(allowed) > count:
        why += f" ({len(allowed)} with hyper-threads)"
    limit = _quota(quota)
    if limit is not None and limit < count:
        count = max(1, limit)
        why += f", held to {count} by the container's quota"
    return count, why


def _allowed() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _siblings(cpus: Path, cpu: int) -> str:
    """A name for the physical core of this CPU: the list of CPUs that share it."""
    try:
        return (cpus / f"cpu{cpu}/topology/thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _quota(path: Path) -> int | None:
    """CPUs granted by the control group, or `None` without a limit."""
    try:
        quota, period = path.read_text().split()
        return None if quota == "max" else math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return None
