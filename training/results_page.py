"""docs/results.md: the figures of `report` as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .figures import NAMES
from .judging.page import ablation_table, beyond_lines
from .photo.page import table as photo_table
from .wraps.page import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAPER_ORDER = ("happy", "angry", "sad", "surprise", "fear", "disgust")
_PAPER_TABLE_2 = {
    "pca": (0.49, 0.37, 0.37, 0.48, 0.43, 0.45, 0.44),
    "spiral": (0.37, 0.35, 0.36, 0.43, 0.42, 0.42, 0.39),
}
_PAPER_F1 = {
    "pca": (0.60, 0.60, 0.49, 0.65, 0.44, 0.60, 0.57),
    "spiral": (0.78, 0.61, 0.61, 0.81, 0.52, 0.73, 0.68),
    "truth": (0.82, 0.60, 0.75, 0.75, 0.43, 0.65, 0.68),
}
_NAMES = NAMES | {"truth": "true sequences"}
_TITLES = {
    "ict_paper": "ICT heads, the paper's face",
    "ict_skin": "ICT heads, the skin of the head",
    "makehuman": "MakeHuman heads: the bundle that ships",
}
_BOUNDS = {
    "blendshapes": "the truth itself, put together from 64 blendshapes",
    "labels": "the median of 25 training frames of similar label",
}
_INTRODUCTION = """\
# Results

Written by `python -m training report` from the runs that are kept in [runs](runs) (`make report`);
[results.json](results.json) has the same figures. What they mean, and why the ranking is not the paper's, is told in
[findings.md](findings.md). The paper's rows are on 4DFAB, captured motion of 28,431 vertices that one must ask
its owners for: they stand here to show the form, and cannot be compared with ours, whose motion is synthetic."""

_WRAPS = """\
Written by `python -m training wraps`: {heads} people of each kind, landmarks off by 1 mm as clicks are. An action of
the template at full strength, transferred by the wrap, against the head's own motion. The exact test knows the truth:
ICT people whose skin got a random topology, each vertex at a known place of the original; the first 60 of the 100 modes
that they are drawn from are known to the template. The last two compare two artists' shapes as well as the wrap, for
MakeHuman's smile is not ICT's. Flipped: triangles of the head that turn over at full strength and do not in its own
motion, the mean. Folded: triangles of the wrapped template.

![Six expressions on four heads of four topologies](pictures/wrap_expressions.png)"""


_PHOTO = """\
Written by `python -m training photo-judge`: people of random seeds, none of whom anything was learned from, painted and
rendered with Blender's Cycles in any light, from 38 cm to 2.2 m, turned by about -35, 0 and 35 degrees, 65% of the
photos with an expression; those that were learned from are painted and rendered alike. Mean distance from the true
neutral over the face, after turning and shifting it there and, in the last two columns, scaling as well: how big a head
is, a photo does not tell.
[photo.md](photo.md) shows some of them."""

PHOTOS = {
    "photo": "MakeHuman people, by the default bundle",
    "photo_ict": "People of ICT-FaceKit's modes, which come from scans, by the ICT pack",
    "photo_others": "The same people of ICT-FaceKit by the default bundle, which knows nothing of them",
}
"""Names of what `photo-judge` leaves for the report, and what they are of."""


def page(
    results: Mapping[str, Mapping[str, Any]],
    wrap: Mapping[str, Any] | None = None,
    trials: Mapping[str, Any] | None = None,
    photos: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    """The figures as Markdown; the pictures are those of `figures.draw_all`.

    Args:
        results: name of the corpus -> what `report.figures_of` gives.
        wrap: figures of `python -m training wraps`; None for none.
        trials: figures of `python -m training ablation`; None for none.
        photos: figures of `python -m training photo-judge`, by the names of `PHOTOS`; None for none.
    """
    lines = [_INTRODUCTION]
    for name, result in results.items():
        lines += ["", f"## {_TITLES.get(name, name)}, {result['corpus']['vertices']:,} vertices", ""]
        lines += [f"{result['test_sequences']} test sequences of people the networks never saw.", *_trained(result)]
        lines += ["", *_table_2(result), "", *_table_3(result)]
        if "beyond" in result:
            lines += ["", *beyond_lines(result["beyond"])]
        lines += ["", *_figures(name, result)]
    if trials is not None:
        lines += ["", "## What each idea brings", "", ablation_table(trials)]
    if wrap is not None:
        lines += ["", "## Wraps: motion on heads of other topologies", "", _WRAPS.format(**wrap), "", table(wrap)]
    if photos:
        lines += ["", "## People found in photos", "", _PHOTO]
    for name, photo in (photos or {}).items():
        lines += ["", f"### {PHOTOS[name]}", "", photo_table(photo)]
    return "\n".join(lines) + "\n"


def _trained(result: Mapping[str, Any]) -> list[str]:
    lines = []
    for model, one in result["settings"].items():
        leak = f", ReLUs that leak {one['leak']:g} at first" if one["leak"] and model != "pca" else ""
        lines.append(
            f"{_NAMES[model][0].upper()}{_NAMES[model][1:]}: {result['epochs'][model]} epochs, learning rate "
            f"{one['learning_rate']:g} x {one['decay']:g} an epoch, weight decay {one['weight_decay']:g}, "
            f"{one['batch_size']} sequences a step, chains of {one['chain']}{leak}, seed {one['seed']}."
        )
    return lines


def _table_2(result: Mapping[str, Any]) -> list[str]:
    columns = (*PAPER_ORDER, "total")
    lines = ["### Table 2: mean per-vertex error, mm", ""]
    lines += _head("mm", [*columns, "total, apex", "parameters", "MB"])
    lines.append(_row("a face that never moves", [result["still_face_mm"].get(one) for one in columns], pad=3))
    for bound, text in _BOUNDS.items():
        cells = [None] * len(PAPER_ORDER) + [result["bounds_mm"][bound]]
        lines.append(_row(text, cells, pad=3))
    for model, errors in result["table2"].items():
        row = [*(errors.get(one) for one in columns), result["table2_apex"][model]["total"]]
        more = [f"{result['parameters'][model]:,}", f"{result['megabytes'][model]:.1f}"]
        lines.append(_row(_NAMES[model], row, more))
    return lines + [_row(f"*the paper: {_NAMES[one]}*", row, digits=2, pad=3) for one, row in _PAPER_TABLE_2.items()]


def _table_3(result: Mapping[str, Any]) -> list[str]:
    lines = ["### Table 3: a classifier of sequences, F1", ""]
    lines += _head("F1", [*PAPER_ORDER, "total", "precision", "recall"])
    for source, scored in result["table3"].items():
        total = scored["total"]
        row = [*(scored[one]["f1"] for one in PAPER_ORDER), total["f1"], total["precision"], total["recall"]]
        lines.append(_row(_NAMES[source], row, digits=2))
    return lines + [_row(f"*the paper: {_NAMES[one]}*", row, digits=2, pad=2) for one, row in _PAPER_F1.items()]


def _figures(name: str, result: Mapping[str, Any]) -> list[str]:
    worn = (
        "All faces are the template's neutral; what is added to it was generated for a test subject of median motion."
    )
    lines = ["### Figures", "", worn]
    texts = {
        "figure_3": "Figure 3: error of each vertex at the apex; the baseline above, the network below",
        "figure_4": "Figure 4: frames and the label that each was generated from",
        "figure_5": "Figure 5: mean error per frame",
        "figure_6": "Figure 6: between two latents of the network",
        "curves": "Training: loss, and error on the unseen people",
    }
    for key, text in texts.items():
        if key in result["figures"]:
            lines += ["", f"{text}.", "", f"![{text}](pictures/{name}_{key}.png)"]
    return lines


def _head(corner: str, columns: Sequence[str]) -> list[str]:
    return [f"| {corner} | {' | '.join(columns)} |", f"| {' | '.join('---' for _ in range(len(columns) + 1))} |"]


def _row(name: str, numbers: Sequence[float | None], more: Sequence[str] = (), *, digits: int = 3, pad: int = 0) -> str:
    cells = ["" if one is None else f"{one:.{digits}f}" for one in numbers]
    return f"| {name} | {' | '.join([*cells, *more, *[''] * pad])} |"
