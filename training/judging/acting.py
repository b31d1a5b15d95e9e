"""A trained run that performs the sequences of its corpus, whatever kind of network it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core.fast import FoldedDecoder
from core.identity import read_identity
from core.model import SpiralDecoder, turned
from core.takes import Take, styles
from training.corpora.eyes import lids_of
from training.steered import Steered, strengths_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from core.identity import Identity
    from core.lids import Lids
    from core.model import Network
    from training.corpora.store import Corpus
    from training.settings import Train


class Actor:
    """One trained run that performs.

    A network that is not steered knows neither faces nor takes: it performs the same for everybody and every seed.

    Args:
        network: the trained network; it is not changed.
        corpus: whose labels and people it performs.
        steered: what a steered network knows beside its weights; None for the others.
        style: S, width of a steered network's styles.
        code: C, how many numbers of a face's code it reads.
        faces: whether a steered network's motion is turned by the shape of the face.
        lids: what keeps its lids outside of the eyeballs, as it ships; None for nothing.
    """

    def __init__(
        self,
        network: Network,
        corpus: Corpus,
        steered: Steered | None = None,
        *,
        style: int = 0,
        code: int = 0,
        faces: bool = True,
        lids: Lids | None = None,
    ) -> None:
        self.network, self.corpus, self.steered = network.eval(), corpus, steered
        self._style, self._code, self._faces, self._lids = style, code, faces, lids
        decoder = network.decoder
        self._decoder = FoldedDecoder(decoder).eval() if isinstance(decoder, SpiralDecoder) else decoder
        self._identities: dict[int, Identity] = {}

    @classmethod
    def of(cls, config: Train, corpus: Corpus, network: Network, folder: Path, facekit: Path | None = None) -> Actor:
        """The actor of a run's folder; ICT's eyes are known with a FaceKit only."""
        if config.model != "steered":
            return cls(network, corpus)
        return cls(
            network,
            corpus,
            Steered.read(folder),
            style=config.style,
            code=config.code,
            faces=config.jacobians,
            lids=lids_of(str(corpus.header["name"]), facekit) if config.jacobians else None,
        )

    @property
    def varies(self) -> bool:
        """Whether a seed gives another performance."""
        return self._style > 0

    def identity(self, subject: int) -> Identity | None:
        """What a steered network knows of a subject's face; None where it does not look."""
        if self.steered is None:
            return None
        if subject not in self._identities:
            neutral = self.corpus.neutrals[subject]
            self._identities[subject] = read_identity(
                self.corpus.template, self.steered.basis, neutral, lids=self._lids
            )
        return self._identities[subject]

    def perform(self, index: int, seed: int | None = None, variation: float = 1.0) -> NDArray[np.float32]:
        """(T, V, 3) float32 mm: the labels of a sequence of the corpus, by its own subject's face."""
        one = self.corpus.sequences[index]
        return self.perform_labels(self.read(index), one.subject, seed, variation)

    def read(self, index: int) -> NDArray[np.float32]:
        """(T, 6) labels of a sequence as the network wants them: eq. 6's, or in proportion to the motion."""
        if self.steered is None:
            return self.corpus.labels(index)
        return strengths_of(self.corpus, index, self.steered.floors)

    @torch.inference_mode()
    def on_template(self, labels: NDArray[np.float32]) -> NDArray[np.float32]:
        """(T, V, 3) float32 mm: the calm performance of labels, (T, 6) as the network wants them, by the template."""
        latents = self.network.latents(torch.tensor(np.array(labels, np.float32))[None])[0]
        return np.ascontiguousarray(self._decoder(latents).numpy(), np.float32)

    @torch.inference_mode()
    def perform_labels(
        self,
        labels: NDArray[np.float32],
        subject: int,
        seed: int | None = None,
        variation: float = 1.0,
        frames: Sequence[int] | None = None,
    ) -> NDArray[np.float32]:
        """What a subject of the corpus does with some labels.

        Args:
            labels: (T, 6), 0 to 1.5; a steered network takes them for strengths in proportion to the motion.
            subject: index into the corpus' subjects.
            seed: of the take; None for the calm mean.
            variation: how far takes are apart.
            frames: which frames are wanted; None for all. The others are heard, but not computed.

        Returns:
            (T or len(frames), V, 3) float32 mm.
        """
        identity = self.identity(subject)
        given = np.array(labels, np.float32)
        code = style = None
        if identity is not None:
            code = torch.tensor(identity.code[None, : self._code])
            style = torch.tensor(styles(Take(seed, variation), given, self._style)[0])[None]
        latents = self.network.latents(torch.tensor(given)[None], style, code)[0]
        motion = self._decoder(latents if frames is None else latents[list(frames)])
        if identity is not None and self._faces:
            motion = turned(motion[None], torch.tensor(identity.jacobians)[None])[0]
        out = np.ascontiguousarray(motion.numpy(), np.float32)
        if identity is not None and identity.lids is not None:
            identity.lids.keep(out)
        return out


def of_kind(corpus: Corpus, split: str, kind: str = "single") -> list[int]:
    """Indices of a split's sequences of one kind: "single", "transition" or "blend"."""
    return [index for index in corpus.split(split) if corpus.sequences[index].kind == kind]


def unseen_people(corpus: Corpus, most: int | None = None) -> list[int]:
    """The test subjects, or so many of them, evenly chosen."""
    people = sorted({corpus.sequences[index].subject for index in corpus.split("test")})
    if most is None or most >= len(people):
        return people
    return [people[place] for place in np.linspace(0, len(people) - 1, most).round().astype(int)]


def apex_frames(labels: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """(T,) bool: frames where a label that is used reaches 0.999 of its highest."""
    highest = labels.max(axis=0)
    return np.asarray(((labels >= APEX * highest) & (highest > 0)).any(axis=1))


APEX = 0.999
"""Frames whose label reaches this share of the sequence's highest are its apex."""
