"""What the synthetic corpora have in common: people on a head, who perform the recipe; see `recipe.py`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter1d

from core.errors import CorpusError
from core.motion import EXPRESSIONS

from .anatomy import Anatomy
from .compound import BLENDS, TRANSITIONS, Plan, blend, plans, transition
from .manner import Habits, draw_style
from .recipe import KEEP_EVERY, SOURCE_RATE, child_generator, perform
from .writer import CorpusWriter, Second

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

    from core.motion import Cue
    from core.template import Template

    from .eyelids import Eyelids
    from .pushforward import PushForward
    from .recipe import Performance

RECIPE = 2
"""Number of the recipe. 1 drew manners without looking at faces, and knew only one expression at a time."""

PERSON, _STYLE, _SEQUENCE, _NOISE, _SPLIT, _PLAN = range(6)
"""Branches of the seed; the first one is for whoever draws the people."""

PLACES = len(EXPRESSIONS) + TRANSITIONS + BLENDS
"""Performances of a person who gives all: the expressions, then transitions, then blends."""

REFERENCE = 100
"""People, none of them in a corpus, among whom the scores of faces have unit variance."""

_REFERENCE_SEED = 1_000_033

_NOTES = (
    "Recipe {recipe}: {anatomy:.0%} of the variance of people's manners (strengths of their units, amplitudes, ways to "
    "pose) follows from the shapes of their faces. That share is our assumption and was not measured on people; how "
    "much a model gains by seeing the face depends on it. Transitions go from one expression to another without "
    "neutral, blends show two at once."
)


@dataclass(frozen=True)
class CorpusConfig:
    """A synthetic corpus.

    Attributes:
        out: folder to write; it must not exist yet, or hold a corpus to be replaced.
        subjects: how many people perform.
        test_subjects: how many of them are kept for testing.
        seed: one seed for everything; the same seed gives the same corpus.
        habits: how much people differ in their manner.
        performances: how many each person to train on gives, all of them dealt out evenly; 0 for everything. What a
            face tells is learned from many people, not from much of each. People to test on always give everything.
    """

    out: Path
    subjects: int = 180
    test_subjects: int = 27
    seed: int = 0
    habits: Habits = field(default_factory=Habits)
    performances: int = 0


@dataclass(frozen=True)
class Stage:
    """What all people of a corpus share.

    Attributes:
        push: from the generic neutral to a person's.
        lids: keeps them off the eyeballs.
        fields: (U, V, 3) the facial actions on the generic neutral, in the order of the recipe's units.
        neutral: (seed, number) -> (V, 3) a person's neutral, mm.
    """

    push: PushForward
    lids: Eyelids
    fields: NDArray[np.float64]
    neutral: Callable[[int, int], NDArray[np.floating[Any]]]

    @cached_property
    def anatomy(self) -> Anatomy:
        """What faces of these people say of manners."""
        people = np.stack([self.neutral(_REFERENCE_SEED, number) for number in range(REFERENCE)])
        return Anatomy(self.push.template.landmarks, people)

    def deform(
        self, neutral: NDArray[np.floating[Any]], fields: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(T, V, 3) deformation of a person's neutral, (V, 3), by their fields, (U, V, 3), with weights (T, U)."""
        rest = np.asarray(neutral, dtype=np.float64)
        moved = np.tensordot(weights, fields, axes=1)
        moved += rest
        return self.lids(rest, moved) - rest

    def tracking_noise(self, rng: np.random.Generator, frames: int, deviation: float) -> NDArray[np.float64]:
        """(T, V, 3) smooth in time and over the skin, as registered scans tremble; eyes and teeth stay still."""
        skin = self.push.skin
        noise = rng.standard_normal((frames, len(skin), 3), dtype=np.float32)
        noise = gaussian_filter1d(noise, 1.0, axis=0, mode="nearest")
        flat = noise.transpose(1, 0, 2).reshape(len(skin), -1)
        smooth = (self.push.averaging @ flat).reshape(len(skin), frames, 3).transpose(1, 0, 2) * skin[:, None]
        return np.asarray(smooth * (deviation / smooth[:, skin].std()))


@dataclass(frozen=True)
class Cast:
    """Everything that makes one synthetic corpus another than the next.

    Attributes:
        name: a short word.
        prefix: of the subjects' ids.
        licence: SPDX identifier.
        source: where the meshes come from.
        notes: what people should know.
        template: of the corpus.
        stage: on which people perform; it may have more than the template, such as eyeballs for the lids.
        output: (V_template, V_stage) what of the stage the template's vertices are; None where they are the same.
    """

    name: str
    prefix: str
    licence: str
    source: str
    notes: str
    template: Template
    stage: Stage
    output: csr_matrix | None = None

    @property
    def neutral(self) -> Callable[[int, int], NDArray[np.floating[Any]]]:
        """(seed, number) -> (V, 3) the stage's vertices of a person's neutral, mm."""
        return self.stage.neutral

    def shown(self, points: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """(…, V_stage, 3) -> (…, V_template, 3)."""
        if self.output is None:
            return np.asarray(points, np.float64)
        flat = points.reshape(-1, *points.shape[-2:])
        return np.stack([self.output @ one for one in flat]).reshape(*points.shape[:-2], -1, 3)


@dataclass(frozen=True)
class Actor:
    """A person on the stage.

    Attributes:
        stage: where.
        seed: of the corpus.
        number: of the person.
        neutral: (V, 3) mm, of the stage.
        fields: (U, V, 3) mm, the facial actions on this neutral.
        habits: how much people differ.
    """

    stage: Stage
    seed: int
    number: int
    neutral: NDArray[np.floating[Any]]
    fields: NDArray[np.float64]
    habits: Habits

    @classmethod
    def on(cls, stage: Stage, seed: int, number: int, neutral: NDArray[np.floating[Any]], habits: Habits) -> Actor:
        """The person of that number, with this neutral."""
        return cls(stage, seed, number, neutral, stage.push(stage.fields, neutral), habits)

    def performances(self, plan: Plan | None = None) -> list[Performance]:
        """All that they perform: the six expressions in their order, then the plan's transitions and blends."""
        face = self.stage.anatomy(self.neutral) if self.habits.anatomy > 0 else None
        style = draw_style(child_generator(self.seed, _STYLE, self.number), self.habits, face)
        plan = plan or Plan()
        scenes: list[Callable[[np.random.Generator], Performance]] = [
            *(partial(perform, name, style) for name in EXPRESSIONS),
            *(partial(transition, *pair, style) for pair in plan.transitions),
            *(partial(blend, *pair, style) for pair in plan.blends),
        ]
        return [scene(child_generator(self.seed, _SEQUENCE, self.number, place)) for place, scene in enumerate(scenes)]

    def move(self, weights: NDArray[np.float64], *branch: int) -> NDArray[np.float64]:
        """(T, V, 3) mm by weights (T', U), of which every fifth is kept; the branch is of the noise's seed."""
        deformation = self.stage.deform(self.neutral, self.fields, weights[::KEEP_EVERY])
        rng = child_generator(self.seed, _NOISE, self.number, *branch)
        return deformation + self.stage.tracking_noise(rng, len(deformation), self.habits.noise)


def perform_all(
    stage: Stage,
    seed: int,
    number: int,
    neutral: NDArray[np.floating[Any]],
    habits: Habits,
    *,
    plan: Plan | None = None,
) -> list[tuple[Performance, NDArray[np.float64]]]:
    """What one person does: each performance and its (T, V, 3) deformation, mm; see `Actor.performances`."""
    actor = Actor.on(stage, seed, number, neutral, habits)
    return [(one, actor.move(one.weights, place)) for place, one in enumerate(actor.performances(plan))]


def build(cast: Cast, config: CorpusConfig, progress: Callable[[int, int], None] | None = None) -> Path:
    """Writes the corpus; from each person one sequence of each expression, two transitions and a blend.

    Args:
        cast: who performs, on what.
        config: how many, where, which.
        progress: called with (people done, people in all).

    Returns:
        The corpus' folder.

    Raises:
        CorpusError: numbers that make no sense.
    """
    check(config)
    habits = config.habits
    writer = CorpusWriter(
        config.out, cast.template, name=cast.name, licence=cast.licence, source=cast.source,
        frame_rate=SOURCE_RATE / KEEP_EVERY, seed=config.seed, recipe={"number": RECIPE, **asdict(habits)},
        notes=f"{cast.notes} {_NOTES.format(recipe=RECIPE, anatomy=habits.anatomy)}",
    )  # fmt: skip
    order = child_generator(config.seed, _SPLIT).permutation(config.subjects).tolist()
    testers = set(order[: config.test_subjects])
    plan, given = _plan_each(config, testers), _given_each(config, testers)
    for number in range(config.subjects):
        neutral = cast.neutral(config.seed, number)
        split = "test" if number in testers else "train"
        index = writer.add_subject(f"{cast.prefix}{number:03d}", split, cast.shown(neutral))
        actor = Actor.on(cast.stage, config.seed, number, neutral, habits)
        for place, one in enumerate(actor.performances(plan[number])):
            if number in given and place not in given[number]:
                continue
            shown = cast.shown(actor.move(one.weights, place)).astype(np.float32)
            labels = one.labels[::KEEP_EVERY]
            second = _second(cast, actor, place, one)
            writer.add_sequence(index, one.cue.expression, shown, labels, _corners(one.cue), second=second)
        if progress is not None:
            progress(number + 1, config.subjects)
    writer.close()
    return config.out


def _plan_each(config: CorpusConfig, testers: set[int]) -> dict[int, Plan]:
    """Number of the person -> plan; dealt out in each split by itself, so that both see all pairs evenly."""
    found: dict[int, Plan] = {}
    for branch, testing in enumerate((False, True)):
        members = [number for number in range(config.subjects) if (number in testers) == testing]
        rng = child_generator(config.seed, _PLAN, branch)
        found |= dict(zip(members, plans(len(members), rng), strict=True))
    return found


def _given_each(config: CorpusConfig, testers: set[int]) -> dict[int, set[int]]:
    """Number of the person -> places of the performances that they give; those who give all are not in it."""
    if not 0 < config.performances < PLACES:
        return {}
    rng = child_generator(config.seed, _PLAN, 2)
    given: dict[int, set[int]] = {}
    deck: list[int] = []
    for number in (one for one in range(config.subjects) if one not in testers):
        mine: set[int] = set()
        while len(mine) < config.performances:
            if not deck:
                deck = rng.permutation(PLACES).tolist()
            # A card that they have already goes to the next person.
            at = next((k for k, card in enumerate(deck) if card not in mine), None)
            if at is None:
                deck += rng.permutation(PLACES).tolist()
            else:
                mine.add(deck.pop(at))
        given[number] = mine
    return given


def _second(cast: Cast, actor: Actor, place: int, one: Performance) -> Second | None:
    """What the writer wants to know of a sequence of two expressions."""
    if one.second_cue is None:
        return None
    means = [
        float(np.linalg.norm(cast.shown(actor.move(weights, place, branch)), axis=-1).mean())
        for branch, weights in enumerate(one.alone)
    ]
    return Second(one.kind, one.second_cue.expression, _corners(one.second_cue), (means[0], means[1]))


def _corners(cue: Cue) -> dict[str, float]:
    return {name: getattr(cue, name) for name in ("start", "apex_start", "apex_end", "end")}


def check(config: CorpusConfig) -> None:
    """Whether the numbers make sense; asked before anything heavy is loaded.

    Raises:
        CorpusError: they do not.
    """
    if not 0 < config.test_subjects < config.subjects:
        raise CorpusError(
            f"Of {config.subjects} subjects {config.test_subjects} cannot be kept for testing.",
            "Keep at least one for testing and one for training.",
        )
    if not 0 <= config.performances <= PLACES:
        raise CorpusError(f"A person cannot give {config.performances} performances.", f"Ask for 0 to {PLACES}.")
