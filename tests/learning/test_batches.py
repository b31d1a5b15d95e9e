"""What a training step is given: sequences, chains of them, rests, padding; the same for the same seed."""

from __future__ import annotations

from itertools import chain as flatten

import numpy as np
import pytest
import torch

from core.learning.batches import Chain, ChainSampler, Sequences, frame_count, sampled
from core.learning.scenes import Member
from core.motion import EXPRESSIONS
from tests.learning.conftest import CORNERS, RATE, performance
from training.corpora.store import open_corpus
from training.corpora.writer import CorpusWriter
from training.steered import scenes_of
from training.train import sequences_of

SCALE = 0.002
LENGTHS = (4, 6, 5)


@pytest.fixture
def sequences():
    rng = np.random.default_rng(0)
    rows = sum(LENGTHS)
    steps = rng.integers(-3000, 3000, (rows, 7, 3)).astype(np.int16)
    labels = rng.random((rows, 6)).astype(np.float32)
    return Sequences(steps, SCALE, labels, [(0, 4), (4, 6), (10, 5)])


def drawn(sampler):
    return list(flatten.from_iterable(chain.sequences for batch in sampler for chain in batch))


def test_a_chain_plays_its_sequences_after_their_rests(sequences):
    batch = sequences[[Chain((2, 0), (3, 2)), Chain((1,), (0,))]]
    assert batch.labels.shape == (2, 14, 6)
    assert batch.deformation.shape == (2, 14, 7, 3)
    assert batch.deformation.dtype == batch.labels.dtype == torch.float32
    assert batch.mask.sum(1).tolist() == [14, 6]
    millimetres = sequences.steps.double() * SCALE
    for row, first, at, frames in ((0, 10, 3, 5), (0, 0, 10, 4), (1, 4, 0, 6)):
        np.testing.assert_allclose(batch.deformation[row, at : at + frames], millimetres[first : first + frames], 1e-6)
        np.testing.assert_array_equal(batch.labels[row, at : at + frames], sequences.labels[first : first + frames])
    for row, start, end in ((0, 0, 3), (0, 8, 10), (1, 6, 14)):
        assert not batch.deformation[row, start:end].any()
        assert not batch.labels[row, start:end].any()


@pytest.mark.parametrize("options", [{}, {"chain": 4, "max_rest": 5}, {"chain": 3, "max_rest": 9, "warm_up": 2}])
@pytest.mark.parametrize("count", [1, 7, 24, 25])
def test_every_sequence_comes_once_an_epoch(count, options):
    sampler = ChainSampler(count, 4, **options)
    for epoch in range(4):
        sampler.set_epoch(epoch)
        assert sorted(drawn(sampler)) == list(range(count))
        assert len(sampler) == len(list(sampler)) == -(-count // 4)


def test_seed_and_epoch_fix_the_order():
    first, same, other = (ChainSampler(40, 4, chain=4, max_rest=6, seed=seed) for seed in (1, 1, 2))
    assert list(first) == list(same)
    assert list(first) != list(other)
    before = list(first)
    first.set_epoch(1)
    assert list(first) != before
    first.set_epoch(0)
    assert list(first) == before


def test_chains_hold_what_they_may():
    sampler = ChainSampler(200, 4, chain=4, max_rest=6)
    lengths = {len(chain.sequences) for batch in sampler for chain in batch}
    rests = [rest for batch in sampler for chain in batch if len(chain.sequences) > 1 for rest in chain.rests]
    assert lengths == {1, 2, 4}
    assert (min(rests), max(rests)) == (0, 6)
    assert all(sum(len(chain.sequences) for chain in batch) == 4 for batch in sampler)


def test_the_papers_training_and_the_warm_up_know_neither_chains_nor_rests():
    paper, warm = ChainSampler(50, 4, max_rest=6), ChainSampler(50, 4, chain=4, max_rest=6, warm_up=1)
    for sampler in (paper, warm):
        assert all(chain.rests == (0,) for batch in sampler for chain in batch)
    warm.set_epoch(1)
    assert any(len(chain.sequences) > 1 for batch in warm for chain in batch)


def test_processes_share_the_batches(monkeypatch):
    everything = list(ChainSampler(28, 4, chain=2))
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    shares = []
    for rank in range(3):
        monkeypatch.setattr(torch.distributed, "get_rank", lambda rank=rank: rank)
        shares.append(list(ChainSampler(28, 4, chain=2)))
    # Each takes part in every batch, also in those of two chains.
    assert [len(share) for share in shares] == [len(everything)] * 3
    for whole, *parts in zip(everything, *shares, strict=True):
        assert sorted(chain.sequences for part in parts for chain in part) == sorted(c.sequences for c in whole)
    assert any(not part for share in shares for part in share)


def test_people_who_do_not_stand_together_keep_their_own_motion(template, tmp_path):
    """Sequences lie where they are stored, with those of other people among them."""
    writer = CorpusWriter(
        tmp_path / "c",
        template,
        name="sheet",
        licence="CC0-1.0",
        source="a formula",
        frame_rate=RATE,
        notes="for tests",
    )
    for person, side in enumerate(("train", "test", "train", "test", "train")):
        index = writer.add_subject(f"p{person}", side, template.vertices)
        for name in EXPRESSIONS[: 1 + person]:
            writer.add_sequence(index, name, *performance(name, 1.0 + person, template), CORNERS)
    corpus = open_corpus(writer.close())
    assert not corpus.steps.flags.writeable, "what is learned from cannot be written to"
    for side in ("train", "test"):
        own = corpus.split(side)
        motion = [corpus.deformation(index) for index in own]
        whole = np.concatenate(motion)
        sequences = sequences_of(corpus, own)
        assert frame_count(sequences) == len(whole)
        np.testing.assert_allclose(sampled(sequences, 10**6).numpy() * corpus.scale, whole, atol=1e-6)
        assert len(whole) / 4 <= len(sampled(sequences, len(whole) // 4)) <= len(whole) / 2
        assert np.shares_memory(sequences.steps.numpy(), corpus.steps), "a large corpus is not copied"
        scenes = scenes_of(corpus, own, np.zeros(6), 0)
        for number, truth in enumerate(motion):
            batch = sequences[[Chain((number,), (2,))]]
            np.testing.assert_allclose(batch.deformation[0, 2:], truth, atol=1e-6)
            np.testing.assert_array_equal(batch.labels[0, 2:], corpus.labels(own[number]))
            scene = scenes[[[Member(number, 0, 0, 1.0, 1.0, 1.0, calm=True)]]]
            np.testing.assert_allclose(scene.target[0, : len(truth)], truth, atol=1e-6)
            assert scene.person.tolist() == [corpus.sequences[own[number]].subject]
            assert float(scene.labels.max()) == pytest.approx(float(corpus.labels(own[number]).max()), abs=1e-5)


def test_a_batch_of_nothing_counts_nothing(corpus_folder):
    corpus = open_corpus(corpus_folder)
    batch = sequences_of(corpus, corpus.split("test"))[[]]
    assert batch.deformation.shape == (1, 1, corpus.template.vertex_count, 3)
    assert not batch.mask.any()
