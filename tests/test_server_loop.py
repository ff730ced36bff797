"""What a process that is there to serve asks of the C library."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

HEAPS = """
import ctypes, sys, threading
from pellucid.server.loop import one_heap
if sys.argv[2] == "one":
    one_heap()
together = threading.Barrier(6)
def work():
    kept = [bytes(1000) for _ in range(1000)]
    together.wait()
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, file)
libc.fclose(file)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's setting")
def test_threads_share_one_heap(tmp_path: Path) -> None:
    def heaps(how: str) -> int:
        told = tmp_path / how
        tuned = ("MALLOC_ARENA_MAX", "GLIBC_TUNABLES")
        plain = {name: value for name, value in os.environ.items() if name not in tuned}
        subprocess.run([sys.executable, "-c", HEAPS, str(told), how], check=True, env=plain)
        return told.read_text().count("<heap nr=")

    assert heaps("one") == 1
    assert heaps("as it is") > 1
