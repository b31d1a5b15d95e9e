# ruff: noqa: ARG001 - fixtures are asked for by name, also for what they do
"""Mien installed from its zip into a Blender of its own (the bpy wheel), once; an empty scene before each test."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FunctionType, SimpleNamespace

# Before the first import of bpy: the tests must see neither the user's extensions nor leave any there.
os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="mien-blender-")

import bpy
import numpy as np
import pytest

addon_utils = importlib.import_module("addon_utils")  # bpy brings it
sys.path.insert(0, str(Path(__file__).resolve().parent))  # what tests here share is imported by its name
ROOT = Path(__file__).resolve().parent.parent.parent
MODULE = "bl_ext.user_default.mien"
PACKAGE = ROOT / "blender_addon"
MEDIAPIPE = "mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl"


@pytest.fixture(scope="session")
def zip_path(tmp_path_factory):
    """The built extension."""
    spec = importlib.util.spec_from_file_location("build_addon", ROOT / "build_addon.py")
    build_addon = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = build_addon  # its dataclasses look themselves up there
    spec.loader.exec_module(build_addon)
    return build_addon.build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="session")
def mien(zip_path):
    """The installed extension's modules, by their names."""
    bpy.ops.extensions.package_install_files(filepath=str(zip_path), repo="user_default", enable_on_install=True)
    assert MODULE in bpy.context.preferences.addons
    assert not addon_utils._extensions_warnings_get()
    bpy.context.preferences.addons[MODULE].preferences.engine = "numpy"
    files = [file for file in PACKAGE.rglob("*.py") if not file.name.startswith("__")]
    names = {file.stem: ".".join(file.relative_to(PACKAGE).with_suffix("").parts) for file in files}
    assert len(names) == len(files), "two modules have the same name"
    parts = {part: importlib.import_module(f"{MODULE}.{name}") for part, name in names.items()}
    parts["operator_base"].RAISE_UNEXPECTED = True
    return SimpleNamespace(**parts, package=sys.modules[MODULE])


@pytest.fixture(autouse=True)
def scene(mien):
    """An empty scene of 24 frames a second."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert MODULE in bpy.context.preferences.addons, "resetting the scene disabled the extension"
    return bpy.context.scene


@pytest.fixture
def template(mien):
    return mien.engine.load().bundle.template


@pytest.fixture
def face(mien, scene):
    """A sample face."""
    return mien.api.add_sample_face()


@pytest.fixture
def happy(mien, face):
    """A sample face with a happy cue from frame 0 to 36."""
    mien.api.add_expression(face, "happy", 0.8, 0, 12, 24, 36)
    return face


@pytest.fixture
def positions():
    return positions_of


@pytest.fixture
def evaluated():
    return evaluated_positions


@pytest.fixture
def layout_object(scene, template):
    """Makes an object in which the template lies in a layout: (layout, transform of the vertices) -> object."""
    default = template

    def make(layout, transform=None, triangulate=False, name="Somebody", template=default):
        vertices = np.random.default_rng(0).normal(0, 300, (layout.vertex_count, 3))
        vertices[:, 1] -= 900
        present = layout.present
        vertices[layout.object_index[present]] = template.vertices[present]
        if transform is not None:
            vertices = transform(vertices)
        faces = template.triangles if triangulate else template.polygons
        faces = np.where(faces >= 0, layout.object_index[faces], -2)
        faces = faces[(faces != -1).all(axis=1)]
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata(vertices.tolist(), [], [[c for c in face if c >= 0] for face in faces.tolist()])
        obj = bpy.data.objects.new(name, mesh)
        scene.collection.objects.link(obj)
        return obj

    return make


class Window:
    """A context that remembers what was done to its window."""

    def __init__(self, scene):
        self.scene, self.window, self.preferences = scene, object(), bpy.context.preferences
        self.timers, self.progress, self.status, self.texts = 0, None, None, []
        self.window_manager, self.workspace, self.screen = self, self, SimpleNamespace(areas=[])

    def event_timer_add(self, _seconds, window):
        assert window is self.window
        self.timers += 1
        return "timer"

    def event_timer_remove(self, timer):
        assert timer == "timer"
        self.timers -= 1

    def progress_begin(self, low, high):
        self.progress = (low, high)

    def progress_update(self, value):
        assert self.progress is not None
        assert 0 <= value <= 100

    def progress_end(self):
        self.progress = None

    def modal_handler_add(self, operator):
        self.handler = operator

    def status_text_set(self, text):
        self.status = text
        self.texts.append(text)

    def idle(self):
        return self.timers == 0 and self.progress is None and self.status is None


@pytest.fixture
def window(scene):
    """The wheel has no window: a stand-in plays Blender's part."""
    return Window(scene)


@pytest.fixture
def modal_job(mien, monkeypatch):
    """Makes a plain object of an operator's own methods; it looks at the keyboard after every step."""
    monkeypatch.setattr(mien.modal_job, "SLICE", 0.0)

    def make(cls):
        own = {name: value for name, value in vars(cls).items() if isinstance(value, FunctionType) or name == "every"}
        base = next(one for one in cls.__bases__ if issubclass(one, mien.modal_job.ModalJob))
        stand_in = type("StandIn", (base,), own)()
        stand_in.reports = []
        stand_in.report = lambda kind, text: stand_in.reports.append((kind, text))
        return stand_in

    return make


@pytest.fixture(scope="session")
def real_wheel():
    """MediaPipe's wheel, downloaded once for all runs; MIEN_MEDIAPIPE_WHEEL names one that is here."""
    given = os.environ.get("MIEN_MEDIAPIPE_WHEEL", "")
    cache = Path(tempfile.gettempdir()) / "mien-test-cache"
    path = Path(given) if given else cache / MEDIAPIPE
    if not path.is_file():
        words = ["download", "--no-deps", "--only-binary=:all:", "--dest", str(cache), "--quiet"]
        words += ["--timeout", "20", "--retries", "0"]
        words += ["--python-version", "3.11", "--platform", "manylinux_2_28_x86_64", "mediapipe==0.10.21"]
        done = subprocess.run([sys.executable, "-m", "pip", *words], capture_output=True, text=True, check=False)
        if done.returncode or not path.is_file():
            pytest.skip("MediaPipe's wheel cannot be had here")
    return path


@pytest.fixture
def real(mien, real_wheel):
    """The finder with its real networks."""
    bpy.context.preferences.addons[MODULE].preferences.landmark_wheel = str(real_wheel)
    if not mien.finder_files.is_here():
        assert bpy.ops.mien.get_finder() == {"FINISHED"}
    bpy.context.preferences.addons[MODULE].preferences.landmark_wheel = ""
    yield mien
    mien.finder_files.remove()  # all other tests begin without it


def positions_of(mesh):
    """(V, 3) float32."""
    flat = np.empty(len(mesh.vertices) * 3, np.float32)
    mesh.vertices.foreach_get("co", flat)
    return flat.reshape(-1, 3)


def evaluated_positions(obj, frame, subframe=0.0):
    """(V, 3) the mesh as it is drawn at a frame, in the object's units and axes."""
    bpy.context.scene.frame_set(frame, subframe=subframe)
    seen = obj.evaluated_get(bpy.context.evaluated_depsgraph_get())
    return positions_of(seen.data)


@pytest.fixture(scope="session")
def draw_states(tmp_path_factory):
    """Runs a script that draws panels in a process of its own: its name -> (what each state draws, what was said)."""

    def draw(name):
        folder = str(tmp_path_factory.mktemp("user"))
        environment = {**os.environ, "BLENDER_USER_RESOURCES": folder, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            [sys.executable, str(Path(__file__).parent / name)],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("STATES ")]
        assert lines, done.stderr
        return json.loads(lines[0].removeprefix("STATES ")), done.stderr

    return draw
