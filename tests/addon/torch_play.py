"""Fetches, breaks off, tries and removes PyTorch in a Blender without one; prints what was so as JSON.

Run by test_addon_torch.py in a Python of its own: torch_play.py ZIP FOLDER_OF_WHEELS.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

import bpy
import numpy as np

MODULE = "bl_ext.user_default.mien"
NUMPY = np.__file__
addon_utils = importlib.import_module("addon_utils")
wheels = Path(sys.argv[2])
facts = {}

bpy.ops.extensions.package_install_files(filepath=sys.argv[1], repo="user_default", enable_on_install=True)
preferences = bpy.context.preferences.addons[MODULE].preferences
api, engine, box, folder, jobs, pip, setup = (
    importlib.import_module(f"{MODULE}.{name}")
    for name in ("api", "engine", *(f"pytorch.torch_{one}" for one in ("box", "folder", "jobs", "pip", "setup")))
)


class Drawing:
    """Stands for a layout: remembers all words."""

    def __init__(self):
        self.words = []

    def label(self, text, **_):
        self.words.append(text)

    def operator(self, name, **_):
        self.words.append(name)

    def prop(self, owner, name, **_):
        assert hasattr(owner, name)
        self.words.append(name)

    def progress(self, factor, text):
        assert 0 <= factor <= 1
        self.words.append(text)

    def row(self):
        return self

    def split(self, **_):
        return self

    def box(self):
        return self


def drawn():
    drawing = Drawing()
    box.draw_engine(drawing, preferences)
    box.draw_torch(drawing, preferences)
    return " ".join(drawing.words)


def left():
    """What lies in Mien's own folder."""
    around = folder.folder().parent
    return sorted(path.name for path in around.iterdir()) if around.exists() else []


def warnings():
    addon_utils._extensions_warnings_get._is_first = True
    return addon_utils._extensions_warnings_get()


def attempt(operator):
    try:
        return [*operator()]
    except RuntimeError as problem:
        return str(problem)


def bake():
    face = api.add_sample_face()
    api.add_expression(face, "happy", 0.8, 0, 12, 24, 36)
    api.bake(face, start=0, end=4)
    return engine.in_use()


# As it comes: no torch, no network.
facts["fresh"] = {"drawn": drawn(), "may": bpy.ops.mien.get_torch.poll(), "used": bake(), "left": left()}
bpy.context.preferences.system.use_online_access = True
facts["online"] = bpy.ops.mien.get_torch.poll()
bpy.context.preferences.system.use_online_access = False

# A folder of wheels needs no network.
preferences.torch_index = str(wheels / "good")
facts["folder"] = bpy.ops.mien.get_torch.poll()
facts["asked"] = {"did": attempt(bpy.ops.mien.ask_torch), "left": left(), "drawn": drawn()}
facts["asked"]["wheels"] = [wheel.requirement for wheel in setup.state.plan.wheels]
facts["asked"]["bytes"] = [setup.state.plan.download, sum(jobs._size(wheel.url) for wheel in setup.state.plan.wheels)]
preferences.torch_version = "2.12"
facts["changed"] = drawn()
preferences.torch_version = "2.13.0"

# Broken off in each phase, by the person and by the extension's end.
facts["broken off"] = {}
for phase in ("Asking", "Downloading", "Unpacking", "Trying"):
    setup.start(jobs.fetch(setup.source(bpy.context)))
    more = True
    while more and not setup.state.step.words.startswith(phase):
        more = setup.advance(0.0)
    during = {"left": left(), "drawn": drawn(), "busy": not bpy.ops.mien.get_torch.poll(), "ran": more}
    bpy.ops.mien.cancel_torch()
    facts["broken off"][phase] = {**during, "after": left(), "told": setup.state.told}
setup.start(jobs.fetch(setup.source(bpy.context)))
while not setup.state.step.words.startswith("Trying"):
    setup.advance(0.0)
addon_utils.disable(MODULE)
facts["disabled"] = {"left": left(), "idle": setup.state.steps is None}
addon_utils.enable(MODULE)
preferences = bpy.context.preferences.addons[MODULE].preferences

# What goes wrong leaves nothing but a sentence.
facts["wrong"] = {}
for name in ("absent", "raises", "damaged", "with numpy", "other python", "empty"):
    preferences.torch_index, preferences.torch_version = str(wheels / name), "2.13.0"
    facts["wrong"][name] = [attempt(bpy.ops.mien.get_torch), left()]
preferences.torch_index = str(wheels / "good")
room, jobs.free_bytes = jobs.free_bytes, lambda _: 5_000_000
facts["wrong"]["no room"] = [attempt(bpy.ops.mien.get_torch), left()]
jobs.free_bytes = room
preferences.torch_index, preferences.torch_version = "http://localhost:9/simple", "2.13.0"
os.environ["PIP_RETRIES"] = "1"
bpy.context.preferences.system.use_online_access = True
facts["wrong"]["unreachable"] = [attempt(bpy.ops.mien.get_torch), left()]
folder.beside("part").mkdir()
(folder.beside("part") / "alive").touch()
facts["wrong"]["another"] = [attempt(bpy.ops.mien.get_torch), left()]
os.utime(folder.beside("part") / "alive", (0, 0))
setup.register()
facts["wrong"]["dead"] = ["", left()]

# It comes, in a window: the timer drives.
preferences.torch_index = str(wheels / "good")
setup.start(jobs.fetch(setup.source(bpy.context)))
turns = 0
while setup._tick() is not None:
    turns += 1
site = folder.folder()
facts["here"] = {
    "told": [setup.state.told, setup.state.failed],
    "turns": turns,
    "left": left(),
    "site": sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.suffix != ".pyc"),
    "last": sys.path[-1] == str(site),
    "found": str(folder.found()),
    "drawn": drawn(),
    "warnings": warnings(),
    "imported": "torch" in sys.modules,
    "may": bpy.ops.mien.get_torch.poll(),
}

# This one cannot compute: numpy does, and the preferences say why.
facts["computes"] = {"used": bake(), "failure": engine.torch_failure(), "drawn": drawn(), "warnings": warnings()}
facts["computes"]["numpy"] = importlib.import_module("numpy").__file__ == NUMPY
facts["computes"]["torch"] = attempt(lambda: [engine.every_engine(engine.load().bundle)[0].engine])

# It is loaded: it goes at the next start.
facts["removed"] = {"did": attempt(bpy.ops.mien.remove_torch), "left": left(), "drawn": drawn()}
addon_utils.disable(MODULE)
facts["removed"]["path"] = str(site) in sys.path
for name in [name for name in sys.modules if name.split(".")[0] in ("torch", "typing_extensions")]:
    del sys.modules[name]
addon_utils.enable(MODULE)
facts["next start"] = {"left": left(), "path": str(site) in sys.path, "torch": engine.torch_is_there()}

# Not loaded, it goes at once; made for another Python, it is not used.
preferences = bpy.context.preferences.addons[MODULE].preferences
preferences.torch_index = str(wheels / "good")
engine.forget_torch_failure()
facts["again"] = [attempt(bpy.ops.mien.get_torch), attempt(bpy.ops.mien.remove_torch), left()]
attempt(bpy.ops.mien.get_torch)
folder.deactivate()
about = json.loads((site / folder.ABOUT).read_text())
(site / folder.ABOUT).write_text(json.dumps({**about, "python": "3.9"}))
folder.activate()
facts["foreign"] = {"drawn": drawn(), "path": str(site) in sys.path, "used": bake()}
(site / folder.ABOUT).write_text("{}")
folder.activate()
facts["not whole"] = {"drawn": drawn(), "path": str(site) in sys.path}
facts["swept"] = [attempt(bpy.ops.mien.remove_torch), left()]

# A Python without pip has the wheel that it would be installed from.
sys.modules["pip"] = None
facts["pip"] = pip.pip_command()
preferences.torch_index = str(wheels / "good")
facts["without pip"] = [attempt(bpy.ops.mien.get_torch), left()]

sys.stdout.write("FACTS " + json.dumps(facts) + "\n")
sys.stdout.flush()
os._exit(0)
