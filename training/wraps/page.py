"""The figures of the wraps as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

BARS = {"jaw": 0.99, "smile": 0.99, "pucker": 0.99, "brow": 0.98, "blink": 0.97}
"""The cosine that an action must reach on the exact test; without one where there is none."""

KINDS = {
    "": "exact: ICT people in random topologies, the ICT template",
    "without_modes": "the same without modes of people",
    "makehuman_on_ict": "MakeHuman template on ICT people, against ICT's own shapes",
    "ict_on_makehuman": "ICT template on MakeHuman people, against MakeHuman's own shapes",
}


def table(result: Mapping[str, Any]) -> str:
    """Markdown: one table for each kind of head."""
    solvers = ["| solver | seconds a wrap | of numpy's | at most off, mm |", "| --- |" + " --- |" * 3]
    solvers += [
        f"| {name} | {one['seconds']:.2f} | {one['ratio']:.2f} | {one['off_mm']:.3f} |"
        for name, one in result["solvers"].items()
    ]
    return (
        "\n\n".join(f"**{title}**\n\n{_one(result[key] if key else result)}" for key, title in KINDS.items())
        + "\n\n"
        + "\n".join(solvers)
    )


def _one(found: Mapping[str, Any]) -> str:
    rows = ["| action | cosine | worst | error, share of the motion | worst | mm | flipped |", "| --- |" + " --- |" * 6]
    for name, one in found["exact"].items():
        rows.append(
            f"| {name} | {one['cosine']:.4f} | {one['worst_cosine']:.4f} | {one['relative_rms']:.1%} | "
            f"{one['worst_relative_rms']:.1%} | {one['mm']:.2f} | {one['flipped']:.1f} |"
        )
    place = "" if found["place_mm"] is None else f", vertices {found['place_mm']:.2f} mm off"
    rows.append("")
    rows.append(
        f"Median {found['seconds']:.1f} s a head; surfaces {found['distance_percent']:.2f}% of the height "
        f"apart{place}; "
        f"{found['folded']} folded triangles in all."
    )
    return "\n".join(rows)
