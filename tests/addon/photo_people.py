"""People whose photos are known to the last pixel: what the finder would see of them, without its networks."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from types import SimpleNamespace

import bpy
import numpy as np
from PIL import Image

SIZE = 400, 500


def kinds():
    """The collections of all datablocks of Blender's file."""
    found = [name for name in dir(bpy.data) if isinstance(getattr(bpy.data, name), bpy.types.bpy_prop_collection)]
    return {name: sorted(one.name for one in getattr(bpy.data, name)) for name in found}


def state():
    """All that making a face may change in the file and the scene."""
    layer = bpy.context.view_layer
    picked = bpy.context.scene.mien.face
    active = layer.objects.active
    return kinds(), [one.name for one in layer.objects.selected], active and active.name, picked and picked.name


def save_photo(path, grey=False, size=SIZE):
    """A picture in which skin would be."""
    ramp = np.linspace(150, 230, size[0])[None, :, None] * np.ones((size[1], 1, 3)) * (1, 0.8, 0.7)
    picture = Image.fromarray(ramp.astype(np.uint8))
    (picture.convert("L") if grey else picture).save(path, quality=95)
    return Path(path)


class Person:
    """Somebody of the generator's own modes.

    Args:
        mien: the extension's modules.
        seed: another one, another person.
    """

    def __init__(self, mien, seed=4):
        self.bundle = mien.engine.load().bundle
        strengths = np.random.default_rng(seed).normal(0, 0.8, len(self.bundle.modes))
        self.vertices = self.bundle.template.vertices + np.tensordot(strengths, self.bundle.modes, axes=1)
        self.engine = mien.engine

    def camera(self, turn=0.0, far=900.0):
        """Looks at the face from its front, or turned aside by some degrees."""
        a = np.radians(turn)
        rotation = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
        return self.engine.Camera(rotation, np.array([0.0, 0.0, -far]), 1.5 * SIZE[1], np.array(SIZE) / 2)

    def points(self, turn=0.0, far=900.0):
        """(468, 3) as the finder gives them."""
        camera, kit = self.camera(turn, far), self.bundle.photo
        places = kit.points_of(self.vertices)
        return np.column_stack([camera.project(places), camera.seen(places)[:, 2] * camera.focal / far])

    def marks(self, names, turn=0.0):
        """Landmarks -> (2,) column and row."""
        places = self.bundle.template.landmarks
        return {name: self.camera(turn).project(self.vertices[[places[name]]])[0] for name in names}


def seer(mien, monkeypatch, person, problems=None):
    """The finder, which knows the person, so that nothing has to be put right.

    In the file "b.jpg" the person is seen from the side by 25 degrees.
    """
    problems = problems or {}

    def find(photo, _reader, which=0, cancelled=None, near=None):
        for done in range(3):
            if cancelled is not None and cancelled():
                raise mien.engine.Cancelled
            yield mien.engine.Step(done, 3, "looking for the face")
        if photo.name in problems:
            raise mien.engine.PhotoError(problems[photo.name], "Take another.")
        points = person.points(turns.get(photo.name, 0.0))
        return SimpleNamespace(points=points, which=which, near=near)

    def exact(view, kit, template):
        return measure(view, dataclasses.replace(kit, descent=None, coding=None), template)

    turns = {"b.jpg": 25.0, "far.jpg": 50.0}
    fitting = sys.modules[mien.engine.fit_photos.__module__]
    measure = fitting.measure
    monkeypatch.setattr(fitting, "measure", exact)
    monkeypatch.setattr(mien.engine, "find_in_steps", find)
    monkeypatch.setattr(mien.finder_files, "reader", object)
    monkeypatch.setattr(mien.finder_files, "is_here", lambda: True)
