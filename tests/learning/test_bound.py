"""The least error there can be, by simulation: the more is known, the less is left."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from core.errors import CorpusError
from training.corpora import makehuman
from training.corpora.manner import Habits
from training.corpora.recipe import KEEP_EVERY
from training.judging import bound


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("corpora") / "people"
    # All of a manner follows from the face, so that who sees it must know more.
    return makehuman.build(makehuman.MakeHumanConfig(out, subjects=4, test_subjects=2, habits=Habits(anatomy=1.0)))


def test_the_more_is_known_the_less_is_left(folder, tmp_path):
    out = tmp_path / "bound.json"
    found = bound.run(bound.Bound(folder, draws=40, json=out))
    left = {name: figures["error_mm"] for name, figures in found.items()}
    # Of the performance itself the tracking noise is left, 0.05 mm along each axis.
    assert 0.03 < left[bound.ITSELF] < 0.11
    assert left[bound.ITSELF] < 0.7 * left[bound.FACES] < 0.5 * left[bound.LABELS]
    assert max(left.values()) < 0.6
    for name in (bound.FACES, bound.LABELS):
        assert found[name]["apex_error_mm"] > found[name]["error_mm"]
    assert json.loads(out.read_text())[bound.LABELS] == found[bound.LABELS]
    again = bound.run(bound.Bound(folder, draws=40))
    assert again == found


@pytest.mark.parametrize(
    ("extremeness", "expected"),
    [(0.5, 1.0), (1.0, 2.0), (0.05, 0.5)],
    ids=["told", "the strongest", "the faintest"],
)
def test_draws_count_that_fit_the_label(extremeness, expected):
    """Eq. 6 says of the strongest and of the faintest no more than that they are; of the others how strong they are."""
    weights = np.sin(np.linspace(0, np.pi, 1 + 10 * KEEP_EVERY))[:, None]
    one = SimpleNamespace(weights=weights)
    fields = np.tile(np.float32([0, 3, 4]), (1, 46, 1))
    kept = weights[::KEEP_EVERY]
    truth = np.tensordot(kept, fields, axes=1)
    size = float(np.linalg.norm(truth, axis=-1).mean())
    drawn = np.stack([factor * kept for factor in (0.3, 0.5, 0.7, 1.2, 1.5, 2.0, 2.5)])
    edges = (0.8 * size, 1.4 * size)
    mean = bound._mean(drawn, one, fields, truth, extremeness=extremeness, edges=edges)
    np.testing.assert_allclose(mean, expected * kept, rtol=1e-6)


def test_other_corpora_have_no_such_bound(folder, corpus_folder):
    with pytest.raises(CorpusError, match="recipe 2"):
        bound.run(bound.Bound(corpus_folder))
    with pytest.raises(CorpusError, match="3 draws"):
        bound.run(bound.Bound(folder, draws=1))
