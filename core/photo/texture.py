"""The texture of a fitted face, from its photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..errors import Cancelled
from ..steps import Step
from ..wrapping.meshes import vertex_normals
from .blending import filled
from .completion import completed
from .eyes import eye_colours
from .lighting import evened
from .merging import merged
from .mirroring import with_other_side
from .sheet import sheet_of
from .shot import scene_of, shot_of
from .skin import has_beard, look_of, skin_alone
from .zones import zones_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from numpy.typing import NDArray

    from ..template import Template
    from .fitted import Fitted
    from .picture import Picture
    from .sheet import Sheet
    from .zones import Zones


_SHOWN = 0.5  # how sure it is of a texel that a photo is said to show


@dataclass(frozen=True)
class Texture:
    """What a face looks like.

    Attributes:
        colours: (S, S, 3) float32 from 0 to 1, as on a screen; row 0 is the top, where v is 1.
        seen: share of the face (not of scalp and neck) that a photo showed, from 0 to 1.
        iris: (3,) its colour, as on a screen, in the light of the skin's; None where it could not be read.
        white: (3,) the same of the eyes' white.
    """

    colours: NDArray[np.float32]
    seen: float
    iris: NDArray[np.float32] | None
    white: NDArray[np.float32] | None


def make_texture(  # noqa: PLR0917 - what a texture is made of, in the order in which it is needed
    template: Template,
    uv: NDArray[np.float32],
    pictures: Sequence[Picture],
    fitted: Fitted,
    size: int = 2048,
    cancelled: Callable[[], bool] | None = None,
) -> Generator[Step, None, Texture]:
    """Lays photos onto a face, and completes what they do not show; the same photos give the same texture.

    What is kept of a photo: skin that faces it, that nothing hides, away from edges behind which lies something else,
    and from eyes and teeth; around the middle of the face what looks like skin alone. The light is taken out as far as
    it is coarse. Photos are brought to one tint, and each shows where it is sharpest. What is still missing comes from
    the face's other side, and where that is missing too it grows from the skin around: below all hair is a bald scalp.

    Args:
        template: of the fitted face; with the landmarks of eyes, chin and the nose's tip.
        uv: (P, 4, 2) from 0 to 1, where each corner of its polygons lies on the texture.
        pictures: the photos, as many as were fitted, in their order.
        fitted: the person.
        size: of the square texture, in texels.
        cancelled: asked before each step.

    Yields:
        A step before each part of the work.

    Raises:
        Cancelled: as it was asked.
    """
    total = len(pictures) + 6

    def step(done: int, doing: str) -> Step:
        if cancelled is not None and cancelled():
            raise Cancelled
        return Step(done, total, doing)

    yield step(0, "laying out the skin")
    sheet, zones = sheet_of(template, uv, size), zones_of(template)
    shots, scenes, sides = [], [], []
    for number, (picture, camera, posed) in enumerate(zip(pictures, fitted.cameras, fitted.posed, strict=True)):
        yield step(1 + number, "looking at the photos")
        scenes.append(scene_of(template, posed, camera))
        shots.append(shot_of(sheet, picture, scenes[-1]))
        sides.append(vertex_normals(posed.astype(np.float64), template.triangles.astype(np.int64)))
    yield step(total - 5, "looking for skin")
    looks = [look_of(sheet, zones, shot, normals) for shot, normals in zip(shots, sides, strict=True)]
    zones = zones.with_beard() if has_beard(sheet, zones, looks) else zones
    shots = [skin_alone(sheet, zones, shot, look) for shot, look in zip(shots, looks, strict=True)]
    shots = [evened(sheet, zones, shot, normals) for shot, normals in zip(shots, sides, strict=True)]
    yield step(total - 4, "joining the photos")
    colours, sure = merged(sheet, shots)
    seen = _seen(sheet, zones, sure)
    yield step(total - 3, "completing the skin")
    colours, sure = with_other_side(sheet, colours, sure)
    yield step(total - 2, "completing the skin")
    whole = sheet.image(completed(sheet, zones, colours, sure))
    yield step(total - 1, "completing the skin")
    mask = np.zeros(size * size, np.float32)
    mask[sheet.place] = 1.0
    eyes = eye_colours(template, pictures, scenes)
    iris, white = (None, None) if eyes is None else (eyes.iris, eyes.white)
    return Texture(filled(whole, mask.reshape(size, size)), seen, iris, white)


def _seen(sheet: Sheet, zones: Zones, sure: NDArray[np.float32]) -> float:
    shown = (sure > _SHOWN).astype(np.float32)
    _, share = sheet.told(shown[:, None], shown)
    face = sheet.area * zones.face
    return float((share * face).sum() / max(float(face.sum()), 1e-9))
