"""The settings of a training, as `python -m training train` takes them and a run's folder keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - tyro reads the annotations
from typing import Annotated, Literal

import tyro

from core.learning.scenes import Staging
from core.learning.steering import Steering
from core.learning.trainer import Schedule


@dataclass(frozen=True)
class Train:
    """Train the steered network, the paper's model, or its PCA baseline, on a corpus."""

    corpus: Annotated[Path, tyro.conf.Positional]
    """Folder of the corpus."""
    out: Path
    """Folder of the run: configuration, checkpoints, curves."""
    model: Literal["spiral", "pca", "steered"] = "spiral"
    """The paper's network, the blendshape baseline of its section 5.2, or Mien's own, which sees the face."""
    schedule: Schedule = field(default_factory=Schedule)
    """How long and how fast to learn."""
    batch_size: int = 4
    """Sequences in a step; the paper leaves it open."""
    chain: int = 1
    """At most so many of them played one after the other without forgetting; the paper's is 1. Performances of several
    expressions want more."""
    max_rest: int = 0
    """At most so many frames of rest before each sequence of a chain."""
    warm_up: int = 0
    """Epochs before the first chains."""
    spiral_length: int = 10
    """L, vertices of a spiral; the paper leaves it open."""
    latent: int = 64
    """Size of the LSTM's output, and the number of blendshapes of the baseline."""
    hidden: int = 0
    """Size of the LSTM's memory; 0 for that of its output. Only 0 can be exported."""
    initialisation: Literal["he", "torch"] = "he"
    """Not steered: of the spiral convolutions: He et al. 2015, or torch's default for linear layers."""
    unit: Literal["spread", "millimetre"] = "spread"
    """Not steered: what the decoder's output is counted in: the spread of the training motion, or millimetres."""
    style: int = 16
    """Steered: numbers that tell one natural performance from another; 0 for one performance only."""
    code: int = 64
    """Steered: numbers that tell what face it is; 0 for none."""
    landmarks: bool = True
    """Steered: codes are read at the template's landmarks; otherwise at vertices spread over the head."""
    lean: bool = True
    """Steered: a face speaks through the style that it leads to; otherwise the LSTM reads its code."""
    ahead: tuple[int, ...] = (3, 6)
    """Steered: so many frames later lie labels that are read beside each frame's own; none with `--ahead` alone."""
    jacobians: bool = True
    """Steered: turn the motion by the shape of the face, vertex by vertex."""
    blendshapes: bool = False
    """Steered: blendshapes in the place of the spiral decoder; cannot be exported."""
    fields: int = 4
    """Steered: motions of which each vertex mixes its own; 0 for the paper's last layer."""
    direct: bool = True
    """Steered: latents also go to the second stage directly, not only through the coarsest level."""
    staging: Staging = field(default_factory=Staging)
    """Steered: how sequences are shown."""
    steering: Steering = field(default_factory=Steering)
    """Steered: how styles and codes are learned."""
    hold_out: int = 0
    """So many of the people to train on are looked at instead of the test subjects, and not learned from: to choose
    settings by."""
    seed: int = 0
    """Fixes initialisation and order."""
    plain: bool = False
    """Not steered: train through the plain decoder rather than the folded one: the same numbers, slower."""
    resume: bool = False
    """Go on from the run's last checkpoint."""
    begin_from: Path | None = None
    """Another run (steered: also what its codes and strengths mean; styles are learned anew)
    whose weights to begin with: a second round at a fresh learning rate, or your own scans on top of a
    trained network of the same template."""
    check_every: int = 5
    """Epochs between two looks at the unseen subjects."""
    accelerator: str = "auto"
    """cpu, cuda, mps or auto."""
    devices: str = "auto"
    """How many devices."""
    nodes: int = 1
    """How many machines; start the command on each, with torchrun or a scheduler that Lightning knows."""
    strategy: str = "auto"
    """How several devices work together, such as ddp."""
