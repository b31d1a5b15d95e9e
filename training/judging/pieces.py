"""Teeth, tongue and eyes are carried whole, and the lower teeth go with the chin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from core.spirals import components_of

from .metrics import rigid_residual

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.corpora.store import Corpus

_RIGID = ("eyes", "teeth", "tongue")


class Pieces:
    """Looks at the components of a template that do not bend.

    Args:
        corpus: whose faces are looked at.
        pieces: name -> its vertices.
    """

    def __init__(self, corpus: Corpus, pieces: dict[str, NDArray[np.intp]]) -> None:
        self.corpus, self.pieces = corpus, pieces
        self._residuals: dict[str, list[float]] = {}
        self._teeth: list[float] = []
        self._chin: list[float] = []

    @classmethod
    def of(cls, corpus: Corpus) -> Pieces | None:
        """None where the template has no such parts."""
        template = corpus.template
        assert template.polygon_part is not None  # a template fills it in
        component = components_of(template.triangles.astype(np.int64), template.vertex_count)
        pieces: dict[str, NDArray[np.intp]] = {}
        for part in _RIGID:
            if part not in template.parts:
                continue
            corners = template.polygons[template.polygon_part == template.parts.index(part)]
            for number in np.unique(component[corners[corners >= 0]]):
                members = np.flatnonzero(component == number)
                middle = template.vertices[members].mean(axis=0)
                pieces[_name(part, middle, pieces, template.vertices)] = members
        return cls(corpus, pieces) if pieces else None

    def clear(self) -> None:
        """Forget what was seen."""
        self._residuals, self._teeth, self._chin = {}, [], []

    def look(self, subject: int, motion: NDArray[np.floating[Any]]) -> None:
        """At a performance, (T, V, 3) mm."""
        neutral = self.corpus.neutrals[subject]
        for name, members in self.pieces.items():
            left = rigid_residual(neutral[members], motion[:, members])
            self._residuals.setdefault(name, []).append(left)
        chin = self.corpus.template.landmarks.get("chin")
        if "lower teeth" in self.pieces and chin is not None:
            moved = motion[:, self.pieces["lower teeth"]].mean(axis=1)
            frame = int(np.linalg.norm(motion, axis=-1).mean(axis=-1).argmax())
            self._teeth.append(float(np.linalg.norm(moved[frame])))
            self._chin.append(float(np.linalg.norm(motion[frame, chin])))

    def result(self) -> dict[str, Any]:
        """residual_mm: worst of each piece, root mean square of a performance; lower_teeth: at the strongest frame.

        lower_teeth has the correlation of their way with the chin's over the performances, and the ratio of both by
        least squares; None where either is missing.
        """
        found: dict[str, Any] = {"residual_mm": {name: max(each) for name, each in self._residuals.items()}}
        teeth, chin = np.array(self._teeth), np.array(self._chin)
        jaw = None
        if len(teeth) > 2 and min(np.ptp(teeth), np.ptp(chin)) > 0:
            jaw = {"correlation": float(np.corrcoef(teeth, chin)[0, 1]), "ratio": float(teeth @ chin / (chin @ chin))}
        return {**found, "lower_teeth": jaw}


def _name(
    part: str, middle: NDArray[np.float32], taken: dict[str, NDArray[np.intp]], vertices: NDArray[np.float32]
) -> str:
    if part == "eyes":
        return "left eye" if middle[0] > 0 else "right eye"
    if part == "teeth":
        if "upper teeth" not in taken:
            return "upper teeth"
        # The first ones met were taken for the upper; the higher ones are.
        if middle[1] > vertices[taken["upper teeth"], 1].mean():
            taken["lower teeth"] = taken.pop("upper teeth")
            return "upper teeth"
        return "lower teeth"
    return part
