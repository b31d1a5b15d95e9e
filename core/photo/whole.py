"""A whole head for a person whose face was found: the template, and what heads have that it lacks.

Some templates are skin alone. Where a bundle knows the rest of such a head (eyes, teeth, tongue, lashes), it goes along
with the person by the same modes, and comes into the scene with the skin, as one of the template's layouts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..arrays import Stored, within_one
from ..errors import TemplateError
from ..template import ABSENT, Template

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..bundle import Bundle
    from ..template import Layout
    from .fitted import Fitted
    from .kit import PhotoKit

PARTS = ("eyes", "iris", "pupil", "teeth", "tongue", "lash sheets", "tears")
"""Parts that a template may lack; hairs would be painted on the sheets, and tears are all that is wet on an eyeball.
Bundles hold their numbers: only append."""


@dataclass(frozen=True)
class Remainder(Stored):
    """What a head has beside its template. Checked when made.

    Attributes:
        vertices: (W, 3) float32 mm, in the template's frame; numbered after the template's.
        modes: (M, W, 3) float16 mm, how they go along with the bundle's modes.
        polygons: (Q, 4) int32 corners, as those of a template, in the numbers of the whole head.
        part: (Q,) int32 of `PARTS`.
        uv: (Q, 4, 2) float32 from 0 to 1, where each corner of the polygons lies on a texture.

    Raises:
        TemplateError: arrays that do not fit together, or hold numbers that are not finite.
    """

    prefix = "photo.whole."
    what = "the rest of a head"
    types: ClassVar = {
        "vertices": np.float32,
        "modes": np.float16,
        "polygons": np.int32,
        "part": np.int32,
        "uv": np.float32,
    }

    vertices: NDArray[np.float32]
    modes: NDArray[np.float16]
    polygons: NDArray[np.int32]
    part: NDArray[np.int32]
    uv: NDArray[np.float32]

    def __post_init__(self) -> None:
        self._make_own()
        count = len(np.atleast_1d(self.polygons))
        fits = self.vertices.ndim == 2 and self.vertices.shape[1:] == (3,) and count > 0
        fits = fits and self.modes.ndim == 3 and self.modes.shape[1:] == self.vertices.shape
        fits = fits and self.polygons.shape == (count, 4) and self.part.shape == (count,)
        fits = fits and self.uv.shape == (count, 4, 2)
        if not fits or self.part.min() < 0 or self.part.max() >= len(PARTS):
            raise TemplateError("The arrays of the rest of a head do not have the shapes they should.")
        if not within_one(self.uv):
            raise TemplateError("The layout of the rest of a head makes no sense.")

    def check(self, template: Template, modes: int) -> None:
        """Raises TemplateError where it is not one of this template, and of so many modes, if there are any."""
        _layout_of(template, self)
        if (self.polygons[self.polygons != ABSENT] < template.vertex_count).any():
            raise TemplateError("The rest of a head does not fit the template.")
        if modes not in {0, len(self.modes)}:
            raise TemplateError("The rest of a head does not fit the modes.")
        self.joined(template)

    def joined(self, template: Template) -> Template:
        """The whole head's.

        Raises:
            TemplateError: polygons that make no mesh.
        """
        assert template.polygon_part is not None
        used = [name for number, name in enumerate(PARTS) if number in self.part]
        parts = (*template.parts, *(name for name in used if name not in template.parts))
        number_of = np.array([parts.index(name) if name in parts else 0 for name in PARTS])
        return Template(
            f"{template.name}_whole",
            np.concatenate([template.vertices, self.vertices]),
            np.concatenate([template.polygons, self.polygons]),
            template.landmarks,
            (),
            parts,
            np.concatenate([template.polygon_part, number_of[self.part]]),
        )


@dataclass(frozen=True)
class Head:
    """A person's head.

    Attributes:
        template: of the whole head.
        uv: (P, 4, 2) float32 where each corner of its polygons lies on the texture.
        fitted: the person, of as many vertices.
    """

    template: Template
    uv: NDArray[np.float32]
    fitted: Fitted


def shown(template: Template, kit: PhotoKit) -> tuple[Template, NDArray[np.float32]]:
    """What people on a template get: the template of the whole head, and (P, 4, 2) from 0 to 1, its layout."""
    if kit.whole is None:
        return template, kit.uv
    return kit.whole.joined(template), np.concatenate([kit.uv, kit.whole.uv])


def head_of(bundle: Bundle, fitted: Fitted) -> Head:
    """The whole head of a person; the template alone, where the bundle knows nothing more.

    Args:
        bundle: with a kit.
        fitted: the person, of the bundle's template.
    """
    kit = bundle.photo
    assert kit is not None
    template, uv = shown(bundle.template, kit)
    if kit.whole is None:
        return Head(template, uv, fitted)
    rest, followers = kit.whole, _layout_of(bundle.template, kit.whole).followers
    neutral = rest.vertices + np.tensordot(fitted.strengths, rest.modes.astype(np.float64), axes=1)
    whole = np.concatenate([fitted.neutral, neutral.astype(np.float32)])
    posed = []
    for face in fitted.posed:
        out = whole.copy()
        out[: len(face)] = face
        if followers is not None:
            out[followers.vertices] += followers((face - fitted.neutral)[None])[0]
        posed.append(out)
    return Head(template, uv, replace(fitted, neutral=whole, posed=tuple(posed)))


def _layout_of(template: Template, rest: Remainder) -> Layout:
    """The layout by which the whole head performs."""
    own = np.arange(template.vertex_count)
    for layout in template.layouts:
        if layout.vertex_count == len(own) + len(rest.vertices) and np.array_equal(layout.object_index, own):
            return layout
    raise TemplateError("The rest of a head does not fit the template.")
