"""The least error there can be, by simulation: the more is known, the less is left."""

from __future__ import annotations

import json

import pytest

from core.errors import CorpusError
from training.corpora import makehuman
from training.judging import bound


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("corpora") / "people"
    return makehuman.build(makehuman.MakeHumanConfig(out=out, subjects=4, test_subjects=1))


def test_the_more_is_known_the_less_is_left(folder, tmp_path):
    out = tmp_path / "bound.json"
    found = bound.run(bound.Bound(folder, draws=60, json=out))
    left = {name: figures["error_mm"] for name, figures in found.items()}
    # Of the performance itself the tracking noise is left, 0.05 mm along each axis.
    assert 0.03 < left[bound.ITSELF] < 0.11
    assert left[bound.ITSELF] < 0.7 * min(left[bound.FACES], left[bound.LABELS])
    assert max(left.values()) < 0.6
    for name in (bound.FACES, bound.LABELS):
        assert found[name]["apex_error_mm"] > found[name]["error_mm"]
    assert json.loads(out.read_text())[bound.LABELS] == found[bound.LABELS]
    again = bound.run(bound.Bound(folder, draws=60))
    assert again == found


def test_other_corpora_have_no_such_bound(folder, corpus_folder):
    with pytest.raises(CorpusError, match="recipe 2"):
        bound.run(bound.Bound(corpus_folder))
    with pytest.raises(CorpusError, match="3 draws"):
        bound.run(bound.Bound(folder, draws=1))
