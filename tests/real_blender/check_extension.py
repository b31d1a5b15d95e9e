"""Mien in a Blender application, from the zip to a picture; run inside Blender:

    blender -b --factory-startup --python tests/real_blender/check_extension.py -- dist/mien-0.1.0.zip out/real_blender

Writes performance.blend, apex.png and rest.png into the folder. Exit code 0 when all holds, 1 with the trace when not.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from pathlib import Path

import addon_utils
import bpy
import numpy as np

MODULE = "bl_ext.user_default.mien"


def install(path: Path) -> None:
    """From the zip, as a user would; no warnings, everything registered, off and on again."""
    bpy.ops.extensions.package_install_files(filepath=str(path), repo="user_default", enable_on_install=True)
    assert MODULE in bpy.context.preferences.addons, "the extension is not enabled"
    assert not addon_utils._extensions_warnings_get(), addon_utils._extensions_warnings_get()
    addon_utils.disable(MODULE)
    assert not hasattr(bpy.types.Scene, "mien"), "disabling left a property behind"
    addon_utils.enable(MODULE)


def positions(mesh: bpy.types.Mesh) -> np.ndarray:
    """(V, 3) float32."""
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def seen(face: bpy.types.Object, frame: int) -> np.ndarray:
    """(V, 3) the mesh as it is drawn at a frame."""
    bpy.context.scene.frame_set(frame)
    return positions(face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data)


def perform(scene: bpy.types.Scene) -> bpy.types.Object:
    """A sample face, two expressions, baked by the operators; compared with the generator's own frames."""
    parts = {
        name.rpartition(".")[2]: importlib.import_module(f"{MODULE}.{name}")
        for name in ("engine", "fcurves", "timeline.motion", "mesh_bridge", "neutrals")
    }
    assert bpy.ops.mien.add_sample_face() == {"FINISHED"}
    face = scene.mien.face
    rest = positions(face.data)
    scene.frame_start, scene.frame_end = 1, 60
    happy = {"expression": "happy", "intensity": 0.9, "start": 1, "apex_start": 14, "apex_end": 24, "end": 40}
    surprise = {"expression": "surprise", "intensity": 1.0, "start": 32, "apex_start": 42, "apex_end": 50, "end": 60}
    for cue in (happy, surprise):
        assert bpy.ops.mien.add_expression(**cue) == {"FINISHED"}
    for _ in range(2):  # the second replaces the first
        assert bpy.ops.mien.bake() == {"FINISHED"}
    assert len(face.data.shape_keys.key_blocks) == 61
    assert len(parts["fcurves"].curves_of(face.data.shape_keys)) == 60
    assert len(face.data.mien.bakes) == 1

    generator = parts["engine"].generator("")
    wanted = parts["motion"].performance(face, 1, 60, parts["motion"].frame_rate_of(scene), generator.frame_rate)
    fit = parts["mesh_bridge"].fit(face, generator.template)
    performer = generator.on(parts["neutrals"].identity_of(face, fit, generator))
    deformation, to_local = performer.generate(wanted.labels, times=wanted.times), fit.to_local
    for frame in (1, 9, 20, 36, 46, 60):
        off = np.abs(seen(face, frame) - rest - deformation[frame - 1] @ to_local.T).max()
        assert off < 1e-6, f"frame {frame} is {off * 1000:.5f} mm off"
    assert np.abs(deformation).max() > 1, "the face does not move by a millimetre"
    assert np.array_equal(seen(face, 100), rest), "after the range the face is not at rest"
    return face


def preview(face: bpy.types.Object) -> None:
    """The live preview shows what was baked, writes nothing, and leaves nothing."""
    baked = seen(face, 46)
    before = positions(face.data)
    assert bpy.ops.mien.play_none() == {"FINISHED"}
    assert np.array_equal(seen(face, 46), before), "a bake plays that should not"
    assert bpy.ops.mien.preview() == {"FINISHED"}
    seen(face, 20)
    assert np.abs(seen(face, 46) - baked).max() < 1e-7, "the preview shows something else than the bake"
    assert bpy.ops.mien.preview() == {"FINISHED"}
    assert not face.modifiers, "the preview left a modifier"
    assert np.array_equal(positions(face.data), before), "the preview changed the mesh"
    face.data.mien.active = 0


def ways(scene: bpy.types.Scene, face: bpy.types.Object, folder: Path) -> None:
    """Each way to bake plays the same within its tolerance; a second bake stands beside the first."""
    baked = seen(face, 46)
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "ways.blend"), copy=False)
    for way in ("compact", "cache"):
        scene.mien.way = way
        assert bpy.ops.mien.bake(new=True) == {"FINISHED"}
        assert np.abs(seen(face, 46) - baked).max() < 6e-5, f"{way} is more than 0.06 mm off"
        assert bpy.ops.mien.bake(recorded=True) == {"FINISHED"}
        assert bpy.ops.mien.remove_bake() == {"FINISHED"}
    assert len(face.data.mien.bakes) == 1
    assert np.array_equal(seen(face, 46), baked)
    scene.mien.way = "keys"


def picture(scene: bpy.types.Scene, path: Path) -> None:
    """Renders the face from the front with the Workbench."""
    if scene.camera is None or scene.camera.name != "Portrait":
        camera = bpy.data.objects.new("Portrait", bpy.data.cameras.new("Portrait"))
        scene.collection.objects.link(camera)
        camera.location, camera.rotation_euler = (0.0, -0.9, -0.03), (np.pi / 2, 0, 0)
        scene.camera = camera
    for other in scene.objects:
        other.hide_render = other != scene.mien.face
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.display.shading.light, scene.display.shading.color_type = "STUDIO", "MATERIAL"
    scene.render.resolution_x = scene.render.resolution_y = 320
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    assert path.is_file(), "nothing was rendered"


def pixels(path: Path) -> np.ndarray:
    """The picture's values."""
    image = bpy.data.images.load(str(path))
    values = np.empty(len(image.pixels), np.float32)
    image.pixels.foreach_get(values)
    bpy.data.images.remove(image)
    return values


def check(archive: Path, folder: Path) -> None:
    """All of it."""
    folder.mkdir(parents=True, exist_ok=True)
    install(archive)
    scene = bpy.context.scene
    face = perform(scene)
    preview(face)
    ways(scene, face, folder)
    rest, apex = folder / "rest.png", folder / "apex.png"
    for path, frame in ((rest, 100), (apex, 46)):
        scene.frame_set(frame)
        picture(scene, path)
    assert np.abs(pixels(rest) - pixels(apex)).max() > 0.05, "the apex looks like the rest"
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "performance.blend"), copy=True)
    assert bpy.ops.mien.remove_bake() == {"FINISHED"}
    assert face.data.shape_keys is None
    command = importlib.import_module(f"{MODULE}.command.cli").main
    out = folder / "command.glb"
    assert command(["bake", str(folder / "performance.blend"), "--quiet", "--out", str(out)]) == 0
    assert out.read_bytes()[:4] == b"glTF"


if __name__ == "__main__":
    words = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else []
    if len(words) != 2:
        sys.exit(__doc__)
    try:
        check(Path(words[0]).resolve(), Path(words[1]).resolve())
    except BaseException:  # noqa: BLE001 - Blender itself would leave with 0
        traceback.print_exc()
        sys.exit(1)
    sys.stdout.write(f"Mien works in Blender {bpy.app.version_string}\n")
