"""How a template's lower jaw moves: read from its own lower teeth, or from the skin of its chin where it has none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..wrapping.meshes import pieces
from .places import nearest, vertices_of
from .riders import rigid_reading

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..template import Template
    from .places import Features

# The chin's skin slides over the bone: it shrugs, is pressed and drawn aside while the jaw stands still. The skin of
# the chin's front moves far then and that below it little, so that both together tell the jaw. The numbers are a
# ridge regression over the single actions of ICT-FaceKit (noise of half a millimetre), scaled so that its jawOpen
# reads 1 open and its jawForward 1 forward. Rows: y, z of the skin below the chin, y, z of the chin's front, mm.
_OPEN_AND_FORWARD = np.array([[-0.0601, -0.0842], [0.0115, 0.0518], [0.0220, -0.0083], [-0.0127, 0.0363]])

_OPEN_SINE = 0.427
"""Sine of the angle of a jaw that is open by 1 (25 degrees, which a jaw can do)."""

_FORWARD = (0.0, -1.7, 8.9)
"""Millimetres that a jaw goes which is forward by 1."""

_ASIDE, _ASIDE_TURN = 0.575, 0.0043
"""Millimetres that the hinge goes aside for one millimetre of the skin below the chin, and sine of the jaw's turn."""

_HINGE_UP, _HINGE_BACK = 28.0, 86.0
"""The jaw's hinge lies so far above the lips' line and behind the chin's lower edge, mm."""

_FRONT, _BELOW = (0.0, 3.4, 3.1), (0.0, -8.6, -11.9)
"""From the chin's lower edge to the skin of its front, and to that below it, mm."""

_PATCH = 48
"""Vertices of each patch of skin that is read."""

_TEETH = 96
"""At most so many of the template's own teeth are read."""


def jaw_reading(
    template: Template, head: NDArray[np.floating[Any]], found: Features, *, tongue: bool = False
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    """What tells the jaw's motion.

    Args:
        template: what moves.
        head: (V, 3) where its vertices lie on the head, mm in the template's axes.
        found: the head's features.
        tongue: read the template's own tongue, where it has one.

    Returns:
        (K,) vertices of the template, (6, 3 K) how to read shift and turn from them (see `Riders`), and (3,) the
        centre of both on the head, mm.
    """
    points = np.asarray(head, np.float64)
    own = vertices_of(template, ("tongue",)) if tongue else np.zeros(0, np.int32)
    if not len(own):
        own = lower_teeth(template)
    if not len(own):
        return _from_chin(points, found)
    chosen = own[np.linspace(0, len(own) - 1, min(_TEETH, len(own))).astype(int)]
    reading, centre = rigid_reading(points[chosen][None], np.full((1, len(chosen)), 1 / len(chosen)))
    return chosen, reading[0], centre[0]


def lower_teeth(template: Template) -> NDArray[np.int32]:
    """The template's lower teeth: those of its teeth's connected pieces that lie below the middle; empty without."""
    teeth = vertices_of(template, ("teeth",))
    if not len(teeth):
        return teeth
    inside = np.zeros(template.vertex_count, bool)
    inside[teeth] = True
    piece = pieces(template.edges[inside[template.edges].all(axis=1)], template.vertex_count)[teeth]
    heights = template.vertices[teeth, 1].astype(np.float64)
    _, number = np.unique(piece, return_inverse=True)
    mean = np.bincount(number, heights) / np.bincount(number)
    if len(mean) < 2:
        return np.zeros(0, np.int32)
    return teeth[mean[number] < (heights.min() + heights.max()) / 2]


def hinge(found: Features) -> NDArray[np.float64]:
    """(3,) the middle of the axis that a jaw opens about, mm."""
    return np.array([found.mouth[0], found.mouth[1] + _HINGE_UP, found.chin_bottom[2] - _HINGE_BACK])


def _from_chin(
    points: NDArray[np.float64], found: Features
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]:
    skin = points[found.skin]
    below, below_share = _patch(skin, found.chin_bottom + _BELOW)
    front, front_share = _patch(skin, found.chin_bottom + _FRONT)
    shares = np.zeros((2, 2 * _PATCH))
    shares[0, : len(below)], shares[1, _PATCH : _PATCH + len(front)] = below_share, front_share
    controls = np.zeros(2 * _PATCH, np.int32)
    controls[: len(below)], controls[_PATCH : _PATCH + len(front)] = found.skin[below], found.skin[front]
    six = np.zeros((6, 2, 3))  # of the two patches' mean motion
    even = _OPEN_AND_FORWARD.reshape(2, 2, 2)  # patch, axis, open or forward
    six[:3, :, 1:] += np.multiply.outer(_FORWARD, even[:, :, 1])
    six[3, :, 1:] = _OPEN_SINE * even[:, :, 0]
    six[0, 0, 0], six[4, 0, 0] = _ASIDE, _ASIDE_TURN
    reading = np.einsum("rpc,pk->rkc", six, shares).reshape(6, -1)
    return controls, reading, hinge(found)


def _patch(skin: NDArray[np.float64], centre: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Vertices of the skin round a place, and their shares, which sum to 1."""
    index, away = nearest(centre[None], skin, _PATCH)
    # The centre itself may lie before or behind the skin.
    shares = np.exp(-0.5 * (away[0] ** 2 - away[0, 0] ** 2) / 8.0**2)
    return index[0], shares / shares.sum()
