"""Topologies are built once and kept; what is kept is not trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

import training.topologies
from core.topology import build_topology
from tests.learning.conftest import sheet
from training.topologies import default_cache, file_name, topology_of

if TYPE_CHECKING:
    from pathlib import Path

    from core.topology import Topology


def same(one: Topology, other: Topology) -> bool:
    mine, theirs = one.to_arrays(), other.to_arrays()
    return all(np.array_equal(mine[name], theirs[name]) for name in mine)


@pytest.fixture
def built(monkeypatch):
    """Counts how often a topology is really built."""
    calls = []

    def counted(*words, **options):
        calls.append(words)
        return build_topology(*words, **options)

    monkeypatch.setattr(training.topologies, "build_topology", counted)
    return calls


def test_it_is_built_once_for_each_mesh_and_length(tmp_path: Path, built: list) -> None:
    first = topology_of(sheet(12, 10), 9, cache=tmp_path)
    assert same(topology_of(sheet(12, 10), 9, cache=tmp_path), first)
    assert len(built) == 1
    topology_of(sheet(12, 10), 8, cache=tmp_path)
    topology_of(sheet(12, 11), 9, cache=tmp_path)
    assert len(built) == 3
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("damage", [b"", b"no tables", None])
def test_what_is_damaged_is_built_again(tmp_path: Path, built: list, damage: bytes | None) -> None:
    template = sheet(12, 10)
    first = topology_of(template, 9, cache=tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-7] if damage is None else damage)
    assert same(topology_of(template, 9, cache=tmp_path), first)
    assert same(topology_of(template, 9, cache=tmp_path), first)
    assert len(built) == 2


def test_another_mesh_s_tables_under_its_name_are_not_taken(tmp_path: Path, built: list) -> None:
    template, other = sheet(12, 10), sheet(13, 10)
    topology_of(other, 9, cache=tmp_path)
    (tmp_path / file_name(other, 9)).rename(tmp_path / file_name(template, 9))
    assert topology_of(template, 9, cache=tmp_path).sizes[0] == 120
    assert len(built) == 2


def test_without_a_cache_it_works_all_the_same(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert topology_of(sheet(12, 10), 9, cache=blocked).sizes[0] == 120


def test_the_default_cache_is_the_person_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    assert default_cache().parent.name == "mien"
    monkeypatch.setattr(training.topologies, "default_cache", lambda: tmp_path / "made")
    topology_of(sheet(12, 10), 9)
    assert len(list((tmp_path / "made").iterdir())) == 1
    capsys.readouterr()


def test_progress_is_told() -> None:
    told: list[tuple[int, int, str]] = []
    build_topology(sheet(12, 10), 9, progress=lambda *words: told.append(words))
    assert [done for done, _, _ in told] == list(range(9))
    assert {total for _, total, _ in told} == {8}
    assert told[0][2] == "collapsing"
    assert told[4][2] == "spirals"
