"""A home folder for commands run as a user runs them, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


class Home:
    """XDG folders below `folder`, the downloaded weights in their cache."""

    def __init__(self, folder: Path, weights: Path) -> None:
        self.folder = folder
        self.environ = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "HOME": str(folder),
        }
        for name in ("CONFIG", "DATA", "CACHE", "STATE"):
            self.environ[f"XDG_{name}_HOME"] = str(folder / name.lower())
        cache = folder / "cache" / "pellucid"
        cache.mkdir(parents=True)
        (cache / "weights").symlink_to(weights)

    def run(
        self,
        *words: str,
        stdin: str | bytes = b"",
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        """`pellucid WORDS`; output decoded, exit code in `returncode`."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return self._run(["-m", "pellucid", *words], data, env, timeout)

    def python(
        self, script: str, *words: str, env: Mapping[str, str] | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """A script that uses the library, with these arguments."""
        return self._run(["-c", script, *words], b"", env, timeout)

    def _run(
        self, arguments: list[str], data: bytes, env: Mapping[str, str] | None, timeout: float
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *arguments],
            input=data,
            capture_output=True,
            env={**self.environ, **(env or {})},
            cwd=self.folder,
            timeout=timeout,
            check=False,
        )
        out, err = (stream.decode("utf-8", "replace") for stream in (done.stdout, done.stderr))
        assert "Traceback" not in err, err
        return subprocess.CompletedProcess(done.args, done.returncode, out, err)
