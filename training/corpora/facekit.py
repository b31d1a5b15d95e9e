"""ICT-FaceKit Light, read from a clone of the public repository or from its arrays packed in one .npz."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.errors import CorpusError
from core.template import ABSENT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

VERTICES, POLYGONS, MODES = 26_719, 26_384, 100

FACE, SKIN = 9_409, 14_062
"""The first so many vertices are the face; with head, neck, mouth socket and eye sockets, all of the skin."""

MOUTH = (11_248, 13_294)
"""First vertex of the mouth's inside, and the first behind it."""

EYEBALLS = (21_451, 24_591)
"""First vertex of the eyeballs, and the first behind them."""

TONGUE, TEETH, TEARS, LASHES = (SKIN, 17_039), (17_039, EYEBALLS[0]), (EYEBALLS[1], 25_351), (25_351, VERTICES)
"""The same of gums and tongue, of the teeth, of what is wet or shaded on eyeballs, and of the lashes."""

NOTICE = (
    "Made with ICT-FaceKit (MIT licence; Li et al., Learning Formation of Physically-Based Face Attributes, "
    "CVPR 2020), copyright University of Southern California Institute for Creative Technologies."
)

_CENTIMETRE = 10.0
_REMEDY = "Give a clone of ICT-FaceKit, its folder FaceXModel, or ict_facekit_light.npz."


@dataclass(frozen=True)
class FaceKit:
    """The head and what deforms it, in millimetres; x to the head's left, y up, z forward.

    Attributes:
        neutral: (26719, 3) float32, the generic neutral head.
        polygons: (26384, 4) int32; -1 in the last place for a triangle.
        identity: (100, 26719, 3) float32, displacement of each identity mode at one standard deviation.
        shapes: expression shape, such as "browDown_L" -> (26719, 3) float32 displacement at weight 1.
    """

    neutral: NDArray[np.float32]
    polygons: NDArray[np.int32]
    identity: NDArray[np.float32]
    shapes: Mapping[str, NDArray[np.float32]]

    def __post_init__(self) -> None:
        sizes = (self.neutral.shape, self.polygons.shape, self.identity.shape)
        if sizes != ((VERTICES, 3), (POLYGONS, 4), (MODES, VERTICES, 3)) or not self.shapes:
            raise CorpusError("This is not the FaceKit that Mien knows: its arrays have other sizes.", _REMEDY)
        arrays = (self.neutral, self.identity, *self.shapes.values())
        if any(array.shape[-2:] != (VERTICES, 3) or not np.isfinite(array).all() for array in arrays):
            raise CorpusError("The FaceKit is damaged: an array has another shape, or no finite numbers.", _REMEDY)
        if self.polygons.min() < ABSENT or self.polygons.max() >= VERTICES or (self.polygons[:, :3] < 0).any():
            raise CorpusError("The FaceKit is damaged: a polygon names a vertex that is not there.", _REMEDY)


def read_facekit(path: Path) -> FaceKit:
    """Reads a packed file, or the OBJ files of a clone (half a minute).

    Raises:
        CorpusError: nothing of the kind lies there, or it is damaged.
    """
    if path.is_dir():
        packed = path / "ict_facekit_light.npz"
        return _read_packed(packed) if packed.is_file() else _read_clone(path)
    return _read_packed(path)


def _read_packed(path: Path) -> FaceKit:
    try:
        with np.load(path, allow_pickle=False) as data:
            names = [str(name) for name in data["expression_names"]]
            shapes = np.asarray(data["expression_shapes"], np.float32)
            return FaceKit(
                np.asarray(data["neutral"], np.float32),
                np.asarray(data["faces"], np.int32),
                np.asarray(data["identity_modes"], np.float32),
                dict(zip(names, shapes, strict=True)),
            )
    except (OSError, KeyError, ValueError) as problem:
        raise CorpusError(f"{path} is no packed FaceKit ({problem}).", _REMEDY) from problem


def _read_clone(path: Path) -> FaceKit:
    folder = path / "FaceXModel" if (path / "FaceXModel").is_dir() else path
    files = {file.stem: file for file in sorted(folder.glob("*.obj"))}
    neutral_file = files.pop("generic_neutral_mesh", None)
    modes = [files.pop(f"identity{number:03d}", None) for number in range(MODES)]
    missing = [f"identity{number:03d}.obj" for number, file in enumerate(modes) if file is None]
    if neutral_file is None or missing or not files:
        lacking = ["generic_neutral_mesh.obj"] if neutral_file is None else missing[:3] or ["the expression shapes"]
        raise CorpusError(f"The folder {folder} lacks {', '.join(lacking)}.", _REMEDY)
    neutral = _vertices(neutral_file)
    identity = np.stack([_vertices(file) - neutral for file in modes if file is not None])
    return FaceKit(
        neutral, _polygons(neutral_file), identity, {name: _vertices(file) - neutral for name, file in files.items()}
    )


def read_layout(path: Path, kit: FaceKit | None = None) -> NDArray[np.float32] | None:
    """Where the corners of a kit's polygons lie on its textures, by the OBJ file of its generic neutral head.

    Args:
        path: of a clone or its folder FaceXModel, or of a packed file that lies beside that folder.
        kit: whose polygons they have to be; None for any.

    Returns:
        (26384, 4, 2) float32 of the polygons of `FaceKit`: u and v, each texture one to the right of the one before; of
        a triangle the last one again. None where there is no such file: a packed kit has no layout.

    Raises:
        CorpusError: the file is damaged, or its polygons are others.
    """
    folder = path if path.is_dir() else path.parent
    folder = folder / "FaceXModel" if (folder / "FaceXModel").is_dir() else folder
    file = folder / "generic_neutral_mesh.obj"
    if not file.is_file():
        return None
    try:
        lines = file.read_text().splitlines()
        places = np.array([line.split()[1:3] for line in lines if line.startswith("vt ")], np.float32)
        words = [[word.split("/")[1] for word in line.split()[1:]] for line in lines if line.startswith("f ")]
        corners = np.array([[*one, one[-1]] if len(one) == 3 else one for one in words], np.int64) - 1
        out = places[corners]
    except (OSError, ValueError, IndexError) as problem:
        raise CorpusError(f"{file} tells no layout ({problem}).", _REMEDY) from problem
    fits = out.shape == (POLYGONS, 4, 2) and np.isfinite(out).all() and corners.min() >= 0
    if not fits or (kit is not None and not np.array_equal(_polygons(file), kit.polygons)):
        raise CorpusError(f"{file.name} has other polygons than Mien knows.", _REMEDY)
    return out


def _vertices(path: Path) -> NDArray[np.float32]:
    """(26719, 3) float32 millimetres of an OBJ file, in its order."""
    try:
        rows = [line.split()[1:4] for line in path.read_text().splitlines() if line.startswith("v ")]
        points = np.array(rows, np.float64) * _CENTIMETRE
    except (OSError, ValueError) as problem:
        raise CorpusError(f"{path} cannot be read ({problem}).", _REMEDY) from problem
    if points.shape != (VERTICES, 3):
        raise CorpusError(f"{path.name} has {len(points)} vertices instead of {VERTICES}.", _REMEDY)
    return points.astype(np.float32)


def _polygons(path: Path) -> NDArray[np.int32]:
    """(26384, 4) int32 corners of an OBJ file; -1 in the last place for a triangle."""
    found = []
    for line in path.read_text().splitlines():
        if line.startswith("f "):
            corners = [int(word.split("/")[0]) - 1 for word in line.split()[1:]]
            found.append(corners if len(corners) == 4 else [*corners, ABSENT])
    try:
        return np.array(found, np.int32)
    except ValueError as problem:
        raise CorpusError(f"{path.name} has polygons of more than four corners.", _REMEDY) from problem
