"""Memory that a long performance takes beyond the loaded generator, seen in a process of its own.

python -m training.benchmarks.streaming BUNDLE [FRAMES] [ENGINE] [DEVICE]: prints megabytes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from core.generator import Generator

FRAMES = 10_000


def measure(bundle: Path, *, engine: str = "torch", device: str = "cpu") -> float:
    """Megabytes that 10,000 frames take at most, beyond what the process holds once the generator is loaded.

    Raises:
        subprocess.CalledProcessError: the other process failed.
    """
    words = [sys.executable, "-m", "training.benchmarks.streaming", str(bundle), str(FRAMES), engine, device]
    done = subprocess.run(words, capture_output=True, text=True, check=True)  # noqa: S603 - our own words
    return float(done.stdout.split()[-1])


def _held() -> float:
    """The memory this process holds now, MB; where the system does not say, the most it ever held."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return _peak()
    import resource

    return pages * resource.getpagesize() / 1e6


def _peak() -> float:
    """The most memory this process ever held, MB."""
    import resource  # not on Windows, where every other command must still start

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _main(bundle: str, frames: int, engine: str, device: str) -> float:
    generator = Generator.load(bundle, engine=engine, device=device)
    labels = np.zeros((frames, len(generator.expressions)), np.float32)
    labels[:, 3] = (1 - np.cos(np.arange(frames) / 20)) / 2
    # One frame, so that what libraries load at the first use counts as loading.
    generator.generate(labels[:1])
    before = _held()
    most = before
    for number, _ in generator.stream(labels, reuse=True):
        # Looked at now and then: what loading took at its height shall not hide what the stream takes.
        if number % 512 == 0:
            most = max(most, _held())
    return max(most, _held()) - before


if __name__ == "__main__":
    sys.stdout.write(f"{_main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]):.1f}\n")
