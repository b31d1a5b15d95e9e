"""What is beyond the paper's tables, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from training.figures import NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Judged = Mapping[str, Any]

RATIO_BAR = 0.80

_ROWS: tuple[tuple[str, str, str, Callable[[Any], Any]], ...] = (
    ("error, of the better of the others", f"{RATIO_BAR:.2f}", ".2f", lambda one: one["ratio"]),
    ("the same at the apex", f"{RATIO_BAR:.2f}", ".2f", lambda one: one["apex_ratio"]),
    ("error with another person's face, mm", "", ".3f", lambda one: one["swapped_error_mm"]),
    ("error in transitions, mm", "", ".3f", lambda one: one["kinds"]["transition"]["error_mm"]),
    ("error in blends, mm", "", ".3f", lambda one: one["kinds"]["blend"]["error_mm"]),
    ("largest motion at rest, mm", "0.01", ".4f", lambda one: one["rest"]["worst"]),
    ("intensity: rank correlation, worst", "0.99", ".3f", lambda one: one["intensity"]["rank"]["worst"]),
    ("intensity: rank correlation, mean", "", ".4f", lambda one: one["intensity"]["rank"]["mean"]),
    ("flipped triangles a face at 1.0", "", ".1f", lambda one: one["intensity"]["flipped"]["1"]["all"]),
    ("… beyond true motion of that size", "0", ".2f", lambda one: one["intensity"]["flipped"]["1"]["beyond_scaled"]),
    ("flipped triangles a face at 1.5", "", ".1f", lambda one: one["intensity"]["flipped"]["1.5"]["all"]),
    ("… beyond true motion of that size", "0", ".2f", lambda one: one["intensity"]["flipped"]["1.5"]["beyond_scaled"]),
    ("takes: Fréchet distance", "half the paper's", ".2f", lambda one: one["takes"]["frechet"]),
    ("… within expressions", "", ".2f", lambda one: one["takes"]["frechet_within"]),
    ("… of true training sequences", "", ".2f", lambda one: one["takes"]["floor"]["frechet"]),
    ("takes: coverage", "", ".2f", lambda one: one["takes"]["coverage"]),
    ("… of one take a label track", "", ".2f", lambda one: one["takes"]["coverage_of_one"]),
    ("takes: density", "", ".2f", lambda one: one["takes"]["density"]),
    ("takes: F1 less that of true sequences", "-0.02", "+.3f", lambda one: _lost(one["takes"])),
    ("takes of one face: spread, of people's", "", ".2f", lambda one: one["takes"]["apex_spread_mm"]["share"]),
    ("takes of all faces: spread, of people's", "", ".2f", lambda one: one["takes"]["apex_spread_mm"]["share_of_all"]),
    ("transitions: frames seen as the true ones", "", ".2f", lambda one: one["transitions"]["votes"]["agreement"]),
    ("… seen as neutral between", "", ".3f", lambda one: one["transitions"]["votes"]["neutral_between"]["generated"]),
    ("… in the truth", "", ".3f", lambda one: one["transitions"]["votes"]["neutral_between"]["true"]),
    ("transitions: jerk within the truth's", "1.00", ".2f", lambda one: one["transitions"]["jerk"]["raw"]["within"]),
    ("… without its noise", "", ".2f", lambda one: one["transitions"]["jerk"]["projected"]["within"]),
    ("lips into each other at most, mm", "", ".2f", lambda one: _lips(one, "generated")),
    ("… in takes", "", ".2f", lambda one: _lips(one, "takes")),
    ("… in the truth", "", ".2f", lambda one: _lips(one, "true")),
    ("lids into the eyeball at most, mm", "0.30", ".2f", lambda one: _lids(one, "generated")),
    ("… at strength 1", "0.30", ".2f", lambda one: _lids(one, "full")),
    ("… in takes", "0.30", ".2f", lambda one: _lids(one, "takes")),
    ("… in the truth", "", ".2f", lambda one: _lids(one, "true")),
    ("rigid pieces bend at most, mm", "", ".3f", lambda one: _bend(one, "generated")),
    ("lower teeth and chin, correlation", "", ".3f", lambda one: _jaw(one, "generated", "correlation")),
    ("… in the truth", "", ".3f", lambda one: _jaw(one, "true", "correlation")),
    ("lower teeth's way, of the chin's", "", ".2f", lambda one: _jaw(one, "generated", "ratio")),
    ("… in the truth", "", ".2f", lambda one: _jaw(one, "true", "ratio")),
)  # fmt: skip
"""What, its bar, how it is written, and where it stands in a model's judgement."""

_TEXT = """\
Calm performances, unless takes are named, of the people the networks never saw. Where the truth is named, it is the
same measure on the true test sequences. "Beyond true motion of that size": triangles that turn over though they do not
in the person's own performance, nor in its apex scaled to the same mean deformation. The Fréchet distance, coverage and
density are taken on the last but one layer of table 3's classifier. The spread is the mean distance of two performances
of like labels at the apex, the shape of the faces divided out."""


def beyond_lines(judged: Mapping[str, Judged]) -> list[str]:
    """The section of a corpus.

    Args:
        judged: model -> what `judge.judge` found, and ratio and apex_ratio where there is something to compare with.
    """
    lines = ["### Beyond the paper", "", _TEXT, "", f"| | bar | {' | '.join(NAMES[model] for model in judged)} |"]
    lines.append(f"| {' | '.join('---' for _ in range(len(judged) + 2))} |")
    for title, bar, digits, find in _ROWS:
        values = [_found(find, one) for one in judged.values()]
        if any(value is not None for value in values):
            lines.append(f"| {title} | {bar} | {' | '.join(_cells(values, digits))} |")
    return lines


def _cells(values: Iterable[float | None], digits: str) -> list[str]:
    return ["" if value is None else f"{value:{digits}}" for value in values]


def _found(find: Callable[[Judged], Any], one: Judged) -> float | None:
    """The number, or None where this model or corpus has none."""
    try:
        value = find(one)
    except (KeyError, TypeError):
        return None
    return None if value is None else float(value)


def _lost(takes: Mapping[str, float]) -> float:
    return takes["f1"] - takes["f1_true"]


def _lids(one: Judged, source: str) -> float:
    return float(one["geometry"]["lids"][source]["beyond_rest_mm"])


def _lips(one: Judged, source: str) -> float:
    return float(one["geometry"]["lips"][source]["worst_mm"])


def _bend(one: Judged, source: str) -> float:
    return max(one["geometry"]["pieces"][source]["residual_mm"].values())


def _jaw(one: Judged, source: str, word: str) -> float:
    return float(one["geometry"]["pieces"][source]["lower_teeth"][word])


def ablation_table(trials: Mapping[str, Any]) -> str:
    """What each idea brings: {"epochs", "corpus", "rows": [{"name", "error_mm", "apex_error_mm", "note"}]}."""
    told_by = f"Written by `python -m training ablation`: {trials['epochs']} epochs each on {trials['corpus']}"
    lines = [f"{told_by}, the same seed; mm on unseen people.", ""]
    lines += ["| | error | at the apex | |", "| --- |" + " --- |" * 3]
    for row in trials["rows"]:
        apex = row.get("apex_error_mm")
        told = "" if apex is None else f"{apex:.3f}"
        lines.append(f"| {row['name']} | {row['error_mm']:.3f} | {told} | {row.get('note', '')} |")
    return "\n".join(lines)
