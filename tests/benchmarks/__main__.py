"""`make bench`: every benchmark in turn, each a process of its own, each printing its ratio beside its bar."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("startup", "drain", "figures", "understanding", "forms", "door")

if __name__ == "__main__":
    failed = [
        name for name in BENCHMARKS if subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"]).returncode
    ]
    sys.exit(f"did not finish: {', '.join(failed)}" if failed else 0)
