"""The figures of people in photos as a page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


_ASKED = {"views_1": "0.90", "views_3": "0.70"}


def table(result: Mapping[str, Any]) -> str:
    """Markdown."""
    titles = {"mean_face": "nothing: the mean face", "views_1": "one photo", "views_3": "three photos"}
    lines = [
        f"{result['people']} people, three rendered photos each; {result['lost']} lost.",
        "",
        "| found by | mm | of the mean face's | asked | mm, scaled too | of the mean face's |",
        "| --- |" + " --- |" * 5,
    ]
    for name, title in titles.items():
        mm, shape = result[f"{name}_mm"], result[f"shape_{name}_mm"]
        of, shape_of = mm / result["mean_face_mm"], shape / result["shape_mean_face_mm"]
        lines.append(f"| {title} | {mm:.2f} | {of:.2f} | {_ASKED.get(name, '')} | {shape:.2f} | {shape_of:.2f} |")
    size = result["size_alone_mm"]
    lines.append(
        f"| the true shape, as large as the mean face | {size:.2f} | {size / result['mean_face_mm']:.2f} | | 0 | 0 |"
    )
    said = (
        f"One photo without an expression {result['neutral_photos_mm']:.2f} mm, with one "
        f"{result['photos_with_expression_mm']:.2f} mm. The points lie {result['reprojection_percent']:.2f}% of the "
        f"eye distance from the fitted ones (asked 1.5%)."
    )
    true = result["from_truth_percent"]
    rows = [
        f"| {title} | {true[name]:.2f} | {true[f'{name}_outline']:.2f} |"
        for name, title in (
            ("detector", "the detector's"),
            ("measured", "put right by what is around them"),
            ("fitted", "of the fitted face"),
        )
    ]
    table = ["| points, % of the eye distance from the truth | all | the outline |", "| --- | --- | --- |", *rows]
    return "\n".join([*lines, "", said, "", *table])
