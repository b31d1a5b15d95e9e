"""PC2 caches: what is written is read, whole or not at all."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from core.errors import MienError, MotionError
from core.pc2 import Pc2Writer, read_pc2

FRAMES = np.random.default_rng(1).normal(size=(5, 7, 3)).astype(np.float32)


def write(path: Path, frames: np.ndarray = FRAMES, count: int = 5) -> None:
    with Pc2Writer(path, 7, 12.0, 0.5, count) as cache:
        cache.write(frames[:2])
        cache.write(frames[2:])


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "face.pc2"
    write(path)
    found = read_pc2(path)
    assert (found.start, found.step) == (12.0, 0.5)
    np.testing.assert_array_equal(found.frames, FRAMES)
    assert [one.name for one in tmp_path.iterdir()] == ["face.pc2"]


def test_bytes_are_those_of_the_format(tmp_path: Path) -> None:
    path = tmp_path / "face.pc2"
    write(path)
    data = path.read_bytes()
    assert data[:12] == b"POINTCACHE2\x00"
    assert struct.unpack("<iiffi", data[12:32]) == (1, 7, 12.0, 0.5, 5)
    assert struct.unpack("<f", data[32:36])[0] == FRAMES[0, 0, 0]
    assert len(data) == 32 + 5 * 7 * 12


@pytest.mark.parametrize(
    ("frames", "count", "word"),
    [
        (FRAMES, 6, "got 5"),
        (FRAMES, 4, "more were given"),
        (FRAMES[:, :6], 5, "do not fit"),
        (np.where(np.arange(7)[:, None] == 3, np.nan, FRAMES), 5, "finite"),
        (FRAMES.astype(np.float64) * 1e300, 5, "finite"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_whole_or_not_at_all(tmp_path: Path, frames: np.ndarray, count: int, word: str) -> None:
    path = tmp_path / "face.pc2"
    write(path)
    before = path.read_bytes()
    with pytest.raises(MotionError, match=word):
        write(path, frames, count)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_somebody_elses_error_goes_through_and_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> None:
        with Pc2Writer(tmp_path / "face.pc2", 7, 1, 1, 5) as cache:
            cache.write(FRAMES)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(MienError, match="cannot be written"):
        write(tmp_path / "nowhere" / "face.pc2")


def test_only_within_its_with(tmp_path: Path) -> None:
    cache = Pc2Writer(tmp_path / "face.pc2", 7, 1, 1, 5)
    with pytest.raises(MotionError, match="not open"):
        cache.write(FRAMES)
    with cache:
        cache.write(FRAMES)
    with pytest.raises(MotionError):
        cache.write(FRAMES)


@pytest.mark.parametrize(
    ("vertices", "start", "step", "count"),
    [(0, 1, 1, 5), (7, 1, 1, 0), (7, float("nan"), 1, 5), (7, 1, 0, 5), (7, 1, -1, 5), (2**31, 1, 1, 5)],
)
def test_numbers_out_of_range_are_refused(tmp_path: Path, vertices: int, start: float, step: float, count: int) -> None:
    with pytest.raises(MotionError):
        Pc2Writer(tmp_path / "face.pc2", vertices, start, step, count)


def test_foreign_and_damaged_files_are_told_in_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "face.pc2"
    write(path)
    data = path.read_bytes()
    for wrong in (b"", data[:20], b"X" + data[1:], data[:12] + b"\x02" + data[13:], data[:16] + bytes(4) + data[20:]):
        path.write_bytes(wrong)
        with pytest.raises(MotionError, match="no point cache"):
            read_pc2(path)
    for wrong in (data[:-1], data + b"\0"):
        path.write_bytes(wrong)
        with pytest.raises(MotionError, match="cut off"):
            read_pc2(path)
    with pytest.raises(MienError, match="cannot be read"):
        read_pc2(tmp_path / "missing.pc2")
