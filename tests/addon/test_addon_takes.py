# ruff: noqa: ARG001, PLR0917 - fixtures are asked for by name, also for what they do
"""Takes, life, and motion of the face's own: panel, preview, every way to bake, scripts, command line, batches."""

from __future__ import annotations

import json

import bpy
import kinds
import numpy as np
import pytest
import strange_heads as heads

MM = 1000.0
"""Millimetres in a metre, the unit of the sample faces."""

PLACE = "TAKES_BUNDLE"


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A steered bundle and an older one."""
    place = tmp_path_factory.mktemp("kinds")
    kinds.write_steered(place / "steered.safetensors")
    kinds.write_older(place / "older.safetensors")
    return place


@pytest.fixture(autouse=True)
def nothing_left(mien, scene):
    """No preview before and after a test."""
    mien.preview.stop_all()
    yield
    mien.preview.stop_all()


@pytest.fixture
def steered(mien, folder, monkeypatch):
    """The bundle that ships is a steered one."""
    monkeypatch.setattr(mien.engine, "DEFAULT_BUNDLE", folder / "steered.safetensors")
    return mien.engine.generator(engine="numpy")


@pytest.fixture
def older(mien, folder, monkeypatch):
    """The bundle that ships knows neither takes nor life."""
    monkeypatch.setattr(mien.engine, "DEFAULT_BUNDLE", folder / "older.safetensors")
    return mien.engine.generator(engine="numpy")


def actor_of(mien, scene):
    """A sample face with two cues and rest between them."""
    obj = mien.api.add_sample_face("Ada")
    mien.api.add_expression(obj, "happy", 0.8, 2, 10, 16, 24)
    mien.api.add_expression(obj, "surprise", 0.9, 40, 46, 50, 58)
    scene.frame_start, scene.frame_end = 1, 64
    return obj


@pytest.fixture
def actor(mien, steered, scene):
    return actor_of(mien, scene)


FRAMES = [1, 6, 13, 24, 32, 47, 55, 63]


def motion_of(mien, obj, evaluated, frames=FRAMES, **options):
    """(n, V, 3) mm: what a bake shows at some frames; the bake is taken away again."""
    rest = mien.rest.rest_positions(obj.data).copy()
    mien.api.bake(obj, **{"start": 1, "end": 64, **options})
    found = np.stack([evaluated(obj, frame) - rest for frame in frames])
    mien.api.remove_bake(obj)
    return found * MM


def record_of(obj):
    return obj.data.mien.bakes[obj.data.mien.active].about


def test_a_seed_gives_another_performance_and_the_same_one_again(mien, actor, evaluated):
    calm = motion_of(mien, actor, evaluated)
    first, again = (motion_of(mien, actor, evaluated, seed=5) for _ in range(2))
    assert np.array_equal(first, again)
    others = [calm, motion_of(mien, actor, evaluated, seed=6), motion_of(mien, actor, evaluated, seed=5, variation=0.3)]
    for other in others:
        assert np.abs(first - other).max() > 0.5
    assert np.array_equal(calm, motion_of(mien, actor, evaluated, seed=5, variation=0.0))
    actor.mien.vary, actor.mien.seed = True, 5
    assert np.array_equal(first, motion_of(mien, actor, evaluated)), "the face's settings say the same"
    for frames in (calm, first):
        assert np.abs(frames[[0, 4, 7]]).max() == 0, "at rest nothing moves, whatever the take"


def test_a_part_of_the_range_is_the_same_take(mien, actor, evaluated):
    whole = motion_of(mien, actor, evaluated, [47, 55], seed=9, life=1.0, start=3)
    part = motion_of(mien, actor, evaluated, [47, 55], seed=9, life=1.0, start=44, end=57)
    assert np.abs(whole - part).max() < 1e-4


@pytest.mark.parametrize("first", [20, 60])
@pytest.mark.parametrize("moved", ["driven", "standing"])
def test_a_range_that_begins_later_gives_the_same_take_without_keys(mien, steered, scene, evaluated, moved, first):
    face = mien.api.add_sample_face("Ada")
    if moved == "driven":  # two movements before frame 60, and one after
        driver = face.driver_add("mien.happy").driver
        driver.expression = "max(0, sin(frame / 6)) ** 2"
    else:
        face.mien.happy, face.mien.speed = 0.8, 1.4
    rest = mien.rest.rest_positions(face.data).copy()
    shown = []
    for start in (1, first):
        mien.api.bake(face, start=start, end=90, seed=9, way="absolute")
        shown.append(np.stack([evaluated(face, frame) - rest for frame in (first, 65, 80, 85)]) * MM)
        mien.api.remove_bake(face)
    assert np.abs(shown[0]).max() > 1
    assert np.abs(shown[0] - shown[1]).max() < 1e-4
    mien.api.set_take(face, 9)
    scene.mien.own_range, scene.mien.frame_start, scene.mien.frame_end = True, first, 90
    mien.preview.start(face)
    assert np.abs((evaluated(face, 80) - rest) * MM - shown[0][2]).max() < 1e-4


def test_another_expression_before_it_leaves_a_movement_its_style(mien, evaluated, scene):
    """The trained encoder's memory of it fades; the style, which makes most of a take, is the same from the start."""
    actor = actor_of(mien, scene)
    mien.api.set_take(actor, 5)
    before = motion_of(mien, actor, evaluated, [50])
    mien.api.set_take(actor, 6)
    other = motion_of(mien, actor, evaluated, [50])
    mien.api.set_take(actor, 5)
    mien.api.add_expression(actor, "sad", 0.8, 26, 29, 31, 34)
    after = motion_of(mien, actor, evaluated, [50])
    assert np.abs(after - before).max() < 0.1 * np.abs(other - before).max()


@pytest.mark.parametrize("settings", [{"gain": 0.5}, {"gain": 2.0, "eyes": 1.5}, {"balance": 1.0}, {"eyes": 0.0}])
def test_shaping_leaves_life_as_it_is(mien, actor, evaluated, settings):
    """Half of a blink is none; and no lid goes further than shut."""
    frames = list(range(1, 65))
    alone = mien.api.add_sample_face("Ada")
    life = motion_of(mien, alone, evaluated, frames, seed=3, life=0.6)
    plain = motion_of(mien, actor, evaluated, frames, seed=3, life=0.6)
    assert np.abs(life).max() > 4, "a blink is among them"
    assert np.abs(plain - life).max() > 1
    for key, value in settings.items():
        setattr(alone.mien, key, value)
        setattr(actor.mien, key, value)
    assert np.abs(motion_of(mien, alone, evaluated, frames, seed=3, life=0.6) - life).max() < 2e-4
    shaped = motion_of(mien, actor, evaluated, frames, seed=3, life=0.6)
    given = mien.engine.Shaping(**{name: getattr(actor.mien, name) for name in mien.shaping.NAMES})
    factor = mien.engine.factors(mien.api.fit(actor).template, given)[:, None]
    assert np.abs(shaped - life - factor * (plain - life)).max() < 1e-3
    mien.api.set_take(actor, 3, life=0.6)
    mien.preview.start(actor)
    rest = mien.rest.rest_positions(actor.data)
    for frame in (1, 13, 32, 47, 55):
        assert np.abs((evaluated(actor, frame) - rest) * MM - shaped[frame - 1]).max() < 1e-4


def test_a_mask_is_for_life_as_well(mien, actor, evaluated):
    life = {"seed": 3, "life": 1.0}
    plain = motion_of(mien, actor, evaluated, **life)
    half = actor.vertex_groups.new(name="half")
    half.add(list(range(len(actor.data.vertices))), 0.5, "REPLACE")
    actor.mien.mask, actor.mien.gain = "half", 0.999
    assert np.abs(motion_of(mien, actor, evaluated, **life) - plain / 2).max() < 0.02 * np.abs(plain).max()


@pytest.mark.parametrize(("fps", "speed", "life"), [(24, 1.0, 0.0), (30, 1.5, 1.0), (25, 1.0, 0.4)])
def test_the_preview_shows_the_bake(mien, actor, evaluated, scene, fps, speed, life):
    scene.render.fps, actor.mien.speed = fps, speed
    mien.api.set_take(actor, 11, variation=1.2, life=life)
    baked = motion_of(mien, actor, evaluated)
    assert (np.abs(baked).max(axis=(1, 2)) > 0.05).sum() >= (len(FRAMES) if life else 3)
    mien.preview.start(actor)
    rest = mien.rest.rest_positions(actor.data)
    for frame, wanted in zip(FRAMES, baked, strict=True):
        assert np.abs((evaluated(actor, frame) - rest) * MM - wanted).max() < 1e-4, frame
    assert mien.preview.problem(actor) == ""


def test_a_previewed_face_shows_another_take_at_once(mien, actor, evaluated, scene, positions):
    scene.mien.face = actor
    rest = mien.rest.rest_positions(actor.data).copy()

    def drawn():
        bpy.context.view_layer.update()
        return (positions(actor.evaluated_get(bpy.context.evaluated_depsgraph_get()).data) - rest) * MM

    mien.preview.start(actor)
    scene.frame_set(14)
    seen = [drawn()]
    for setting, value in [("vary", True), ("seed", 21), ("variation", 0.5), ("life", True), ("life_amount", 0.3)]:
        setattr(actor.mien, setting, value)
        actor.update_tag()
        seen.append(drawn())
        assert np.abs(seen[-1] - seen[-2]).max() > 1e-3, setting
    assert bpy.ops.mien.new_take() == {"FINISHED"}
    seen.append(drawn())
    assert np.abs(seen[-1] - seen[-2]).max() > 1e-3
    # Blender draws by itself before it evaluates what a handler has tagged: a timer asks for another drawing.
    assert bpy.app.timers.is_registered(mien.preview.redraw)
    assert mien.preview.redraw() is None
    wanted = motion_of(mien, actor, evaluated, [14])[0]
    assert np.abs(seen[-1] - wanted).max() < 1e-4
    actor.mien.vary = actor.mien.life = False
    scene.frame_set(14)
    assert np.array_equal(drawn(), seen[0])


def test_two_calm_faces_need_not_blink_together(mien, actor, evaluated):
    actor.mien.life = True
    shown = []
    for seed in (1, 2):
        actor.mien.seed = seed
        shown.append(motion_of(mien, actor, evaluated, [20, 30], way="absolute"))
    assert np.abs(shown[0] - shown[1]).max() > 1e-3
    result = mien.api.bake(actor, start=1, end=10)
    assert result.seed is None
    assert mien.takes.title_recorded(record_of(actor)) == "with life"


def test_new_take_is_another_one_and_is_undone(mien, actor, scene):
    scene.mien.face = actor
    actor.mien.seed = 7
    bpy.ops.ed.undo_push(message="before")
    assert bpy.ops.mien.new_take() == {"FINISHED"}
    seeds = {mien.takes.new_take(actor) for _ in range(5)}
    assert len(seeds) > 1
    assert actor.mien.vary
    assert all(0 < seed < 10_000 for seed in seeds)
    bpy.ops.ed.undo_push(message="taken")
    bpy.ops.ed.undo()
    face = bpy.data.objects["Ada"]
    assert (face.mien.seed, face.mien.vary) == (7, False)


def test_a_new_take_at_no_variation_gets_some(mien, actor):
    """Or it would be told as a take, and be the calm performance."""
    actor.mien.variation = 0.0
    mien.api.new_take(actor)
    assert actor.mien.variation == 1.0
    actor.mien.variation = 0.3
    mien.api.new_take(actor)
    assert actor.mien.variation == pytest.approx(0.3)


def test_what_changes_nothing_is_told(mien, actor):
    span = {"start": 1, "end": 3}
    assert mien.takes.NO_VARIATION in mien.api.bake(actor, variation=0.5, **span).notes
    assert mien.takes.NO_VARIATION in mien.api.bake(actor, seed="none", variation=0.5, **span).notes
    assert not mien.api.bake(actor, variation=0.5, seed=2, **span).notes
    actor.mien.vary = True
    assert not mien.api.bake(actor, variation=0.5, **span).notes
    actor.mien.variation = 0.0
    result = mien.api.bake(actor, seed=2, **span)
    assert result.seed is None
    assert mien.takes.NO_SEED in result.notes


def test_a_seed_that_is_not_given_is_the_faces(mien, actor):
    """In scripts alike: None is as the face has it, "none" the calm performance."""
    span = {"start": 1, "end": 3}
    mien.api.set_take(actor, 5)
    mien.api.set_take(actor, variation=0.5, life=True)
    assert (actor.mien.vary, actor.mien.seed, actor.mien.variation) == (True, 5, 0.5)
    assert mien.api.bake(actor, **span).seed == 5
    assert mien.api.bake(actor, seed="none", **span).seed is None
    mien.api.set_take(actor, "none")
    assert (actor.mien.vary, actor.mien.seed, actor.mien.life) == (False, 5, True)
    assert mien.api.bake(actor, **span).seed is None


def test_numbers_of_numpy_are_as_good(mien, actor):
    result = mien.api.bake(actor, start=1, end=3, seed=np.int64(3), variation=np.float32(0.5), life=np.bool_(True))
    assert result.seed == 3
    assert [record_of(actor)[key] for key in ("seed", "variation", "life")] == [3, 0.5, 1.0]
    mien.api.set_take(actor, np.int32(9), life=np.float64(0.25))
    assert (actor.mien.seed, actor.mien.life_amount) == (9, 0.25)


def test_a_new_take_is_never_the_one_before(mien, actor, monkeypatch):
    monkeypatch.setattr(mien.takes.secrets, "randbelow", lambda _: 6)
    actor.mien.seed = 7
    assert mien.takes.new_take(actor) == 8
    assert mien.takes.new_take(actor) == 7
    monkeypatch.setattr(mien.takes.secrets, "randbelow", lambda most: most - 1)
    mien.takes.new_take(actor)
    assert mien.takes.new_take(actor) == 1


def test_baking_again_gives_what_is_on_record(mien, actor, evaluated, tmp_path):
    mien.api.set_take(actor, 77, variation=0.8, life=0.5)
    result = mien.api.bake(actor, start=1, end=64, name="One")
    assert result.seed == 77
    assert "take 77" in str(result)
    before = [evaluated(actor, frame) for frame in FRAMES]
    about = record_of(actor)
    assert (about["seed"], about["variation"]) == (77, pytest.approx(0.8))
    assert about["life"] == pytest.approx(0.5)
    assert "Take 77" in mien.takes.title_recorded(about).capitalize()
    mien.api.set_take(actor, 3, variation=0.1, life=False)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "one.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "one.blend"))
    actor = bpy.data.objects["Ada"]
    assert (actor.mien.seed, actor.mien.vary, actor.mien.life) == (3, True, False)
    mien.api.bake_again(actor)
    assert all(np.array_equal(evaluated(actor, frame), one) for frame, one in zip(FRAMES, before, strict=True))
    assert record_of(actor)["seed"] == 77


def test_records_of_earlier_versions_are_of_the_calm_performance(mien, actor, evaluated):
    calm = motion_of(mien, actor, evaluated)
    mien.api.bake(actor, start=1, end=64, seed=5)
    entry = actor.data.mien.bakes[0]
    entry.about = {**{key: one for key, one in entry.about.items() if key not in ("variation", "life")}, "seed": None}
    assert mien.takes.title_recorded(entry.about) == ""
    mien.api.bake_again(actor)
    rest = mien.rest.rest_positions(actor.data)
    again = np.stack([(evaluated(actor, frame) - rest) * MM for frame in FRAMES])
    assert np.array_equal(again, calm)
    for wrong in ({"seed": "x"}, {"seed": -1}, {"variation": 9}, {"life": [1]}):
        entry = actor.data.mien.bakes[0]
        entry.about = {**entry.about, **wrong}
        assert mien.takes.title_recorded(entry.about) == ""
        with pytest.raises(mien.engine.MotionError, match="damaged"):
            mien.api.bake_again(actor)
        entry.about = {**entry.about, "seed": None, "variation": 1.0, "life": 0.0}


def test_a_bake_of_an_earlier_generator_stays_beside_that_of_todays(mien, folder, older, scene, evaluated, monkeypatch):
    actor = actor_of(mien, scene)
    actor.mien.mouth = 0.5
    mien.api.bake(actor, start=1, end=64, name="Joy")
    was, labels = [evaluated(actor, frame) for frame in FRAMES], record_of(actor)["labels"]
    monkeypatch.setattr(mien.engine, "DEFAULT_BUNDLE", folder / "steered.safetensors")
    actor.mien.mouth = 1.0
    result = mien.api.bake_again(actor, "Joy")
    assert (result.name, [one.name for one in actor.data.mien.bakes]) == ("Joy 2", ["Joy", "Joy 2"])
    assert "earlier version" in result.notes[0]
    assert "earlier version" in str(result)
    about = record_of(actor)
    assert (about["bundle"], about["labels"]) == (mien.engine.load().digest, labels)
    assert about["shaping"]["mouth"] == 0.5
    assert np.abs(evaluated(actor, 13) - was[2]).max() * MM > 0.1
    mien.api.play_bake(actor, "Joy")
    assert all(np.array_equal(evaluated(actor, frame), one) for frame, one in zip(FRAMES, was, strict=True))
    again = mien.api.bake_again(actor, "Joy 2")
    assert (again.name, again.notes) == ("Joy 2", [])


def test_life_goes_on_without_any_expression(mien, steered, scene, evaluated):
    face = mien.api.add_sample_face("Ben")
    scene.frame_start, scene.frame_end = 1, 240
    with pytest.raises(mien.engine.MotionError, match="nothing to perform"):
        mien.api.bake(face)
    face.mien.life = True
    frames = list(range(1, 241, 3))
    baked = motion_of(mien, face, evaluated, frames, end=240, way="absolute")
    assert (np.abs(baked).max(axis=(1, 2)) > 0).all()
    mien.preview.start(face)
    rest = mien.rest.rest_positions(face.data)
    for number in (0, 17, 60):
        assert np.abs((evaluated(face, frames[number]) - rest) * MM - baked[number]).max() < 1e-4
    face.mien.life_amount = 0.0
    assert np.abs(evaluated(face, 52) - rest).max() == 0
    mien.preview.stop(face)
    face.mien.life_amount = 1.0
    assert mien.api.bake(face, start=1, end=30).name == "Life"


@pytest.mark.parametrize("way", ["keys", "absolute", "compact", "own", "cache"])
def test_every_way_bakes_takes_and_life(mien, actor, steered, evaluated, tmp_path, way):
    if way == "own":
        actor.shape_key_add(name="Basis")
        key = actor.shape_key_add(name="jawOpen", from_mix=False)
        key.value = 0.0
        key.points[0].co.z -= 0.01
        assert len(actor.data.shape_keys.key_blocks) == 2
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "ways.blend"))
    result = mien.api.bake(actor, start=1, end=30, way=way, seed=4, life=1.0)
    assert (result.way, result.seed) == (way, 4)
    assert (record_of(actor)["seed"], record_of(actor)["life"]) == (4, 1.0)
    shown = {frame: evaluated(actor, frame).copy() for frame in (6, 13, 28)}
    mien.api.remove_bake(actor)
    performer = steered.on(
        mien.neutrals.identity_of(actor, mien.api.fit(actor), steered), mien.engine.Take(4, 1.0, 1.0)
    )
    wanted = mien.motion.performance(actor, 1, 30, 24, steered.frame_rate)
    motion = performer.generate(wanted.labels, times=wanted.times, seconds=wanted.frames / 24)
    fit, rest = mien.api.fit(actor), mien.rest.rest_positions(actor.data)
    for frame, seen in shown.items():
        truth = (mien.alignment.turned(motion[frame - 1][None], fit.to_local)[0]) * MM
        moved, jaw = (seen - rest) * MM, np.array([0, 0, -10])
        if way == "own":  # one slider, which moves one vertex: the best that it can do for it
            still = np.arange(len(moved)) > 0
            assert np.abs(moved[still]).max() == 0
            share = float(np.clip(truth[0] @ jaw / (jaw @ jaw), 0, 1))
            np.testing.assert_allclose(moved[0], share * jaw, atol=1e-3)
        else:
            assert np.abs(moved - truth).max() < (0.06 if way == "compact" else 1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed": -1},
        {"seed": 2**31},
        {"seed": 1.5},
        {"seed": "7"},
        {"seed": True},
        {"variation": 1.6},
        {"variation": np.nan},
        {"variation": "much"},
        {"life": -0.1},
        {"life": 2},
        {"life": "yes"},
    ],
)
def test_a_take_that_makes_no_sense_is_told(mien, actor, wrong):
    for call in (lambda: mien.api.bake(actor, **wrong), lambda: mien.api.set_take(actor, **{"seed": 1, **wrong})):
        with pytest.raises(mien.engine.MotionError) as problem:
            call()
        assert problem.value.remedy
    assert not len(actor.data.mien.bakes)
    assert not actor.mien.vary


def test_an_older_bundle_gives_its_one_performance_and_says_so(mien, older, scene, evaluated):
    actor = actor_of(mien, scene)
    scene.mien.face = actor
    calm = motion_of(mien, actor, evaluated)
    mien.api.set_take(actor, 5, life=1.0)
    result = mien.api.bake(actor, start=1, end=64)
    assert result.seed is None
    assert mien.takes.NO_TAKES in result.notes
    assert mien.takes.NO_LIFE in result.notes
    assert (record_of(actor)["seed"], record_of(actor)["life"]) == (None, 0.0)
    mien.api.remove_bake(actor)
    assert np.array_equal(calm, motion_of(mien, actor, evaluated))
    mien.preview.start(actor)
    rest = mien.rest.rest_positions(actor.data)
    assert np.abs((evaluated(actor, 13) - rest) * MM - calm[2]).max() < 1e-4
    assert not bpy.ops.mien.new_take.poll()
    with pytest.raises(RuntimeError, match="no takes"):
        bpy.ops.mien.new_take()
    assert mien.neutrals.identity_of(actor, mien.api.fit(actor), older) is None


def test_the_panel_says_what_there_is_and_what_there_is_not(draw_states, folder, monkeypatch):
    monkeypatch.setenv(PLACE, str(folder))
    states, complaints = draw_states("draw_take.py")
    assert "Pickafacefirst" in states["empty"]
    assert "ObjectMode" in states["edited"]
    for state in ("edited", "stranger"):
        assert "Pickaface" not in states[state]
        assert len(states[state]) > 30, "a sentence"
    for state in ("steered", "varied", "older"):
        for word in ("MienFace.vary", "MienFace.seed", "MienFace.variation", "MienFace.life", "new_take"):
            assert word in states[state], (state, word)
    assert "knowsnotakes" not in states["steered"]
    assert "knowsnotakes" in states["older"]
    assert "noblinks" in states["older"]
    assert not [line for line in complaints.splitlines() if "rna" in line or "Error" in line]


def test_of_a_sample_face_the_neutral_is_its_own(mien, actor, steered):
    neutral, present = mien.neutrals.neutral_of(actor, mien.api.fit(actor))
    assert present is None
    wanted = steered.samples["Ada"].astype(float)
    off = mien.alignment.align(neutral, wanted)
    assert off.residual < 1e-3
    assert abs(off.scale - 1) < 0.1
    assert np.allclose(off.rotation, np.eye(3), atol=0.02)


def test_a_turned_and_bigger_face_moves_the_same_way(mien, actor, steered, evaluated):
    first = mien.neutrals.identity_of(actor, mien.api.fit(actor), steered)
    before = motion_of(mien, actor, evaluated, [14, 47], seed=2)
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]) * 3.0
    places = mien.rest.rest_positions(actor.data).astype(float) @ turn.T + (5, 0, 1)
    actor.data.vertices.foreach_set("co", places.astype(np.float32).ravel())
    actor.data.update()
    second = mien.neutrals.identity_of(actor, mien.api.fit(actor), steered)
    assert np.abs(first.code - second.code).max() < 1e-2
    assert np.abs(first.jacobians - second.jacobians).max() < 1e-2
    after = motion_of(mien, actor, evaluated, [14, 47], seed=2)
    assert np.abs(after - before @ turn.T).max() < 0.02 * np.abs(after).max()


def test_an_identity_is_worked_out_once_for_each_shape(mien, actor, steered, monkeypatch):
    fit, calls = mien.api.fit(actor), []
    neutral_of = mien.neutrals.neutral_of
    monkeypatch.setattr(mien.neutrals, "neutral_of", lambda *given: calls.append(given) or neutral_of(*given))
    first = mien.neutrals.identity_of(actor, fit, steered)
    mien.preview.start(actor)
    for frame in range(1, 20):
        bpy.context.scene.frame_set(frame)
    mien.preview.stop(actor)
    mien.api.bake(actor, start=1, end=10)  # our own shape keys are none of the face's shape
    assert mien.neutrals.identity_of(actor, mien.api.fit(actor), steered) is first
    assert len(calls) <= 1
    mien.api.remove_bake(actor)
    nose = actor.data.vertices[steered.template.landmarks["nose_tip"]]
    nose.co.y -= 0.01
    actor.data.update()
    second = mien.neutrals.identity_of(actor, mien.api.fit(actor), steered)
    assert second is not first
    assert np.abs(second.jacobians - first.jacobians).max() > 1e-3


def test_another_face_moves_otherwise(mien, actor, evaluated):
    own = motion_of(mien, actor, evaluated, [14])[0]
    points = mien.rest.rest_positions(actor.data)
    points[:, 0] *= 1.15  # a broad face
    actor.data.vertices.foreach_set("co", points.ravel())
    actor.data.update()
    broad = motion_of(mien, actor, evaluated, [14])[0]
    moving = np.linalg.norm(own, axis=1) > 1
    stretched = np.abs(broad[moving]).sum(axis=0) / np.abs(own[moving]).sum(axis=0)
    assert np.abs(broad - own).max() > 0.2
    assert stretched[0] != pytest.approx(stretched[2], rel=0.02)


def test_layouts_that_lack_vertices(mien, steered, layout_object):
    template = steered.template
    partial = next(one for one in template.layouts if not one.present.all())
    obj = layout_object(partial, template=template)
    fit = mien.api.fit(obj)
    neutral, present = mien.neutrals.neutral_of(obj, fit)
    assert np.array_equal(present, partial.present)
    assert np.abs(neutral[present] - template.vertices[present]).max() < 1e-2
    identity = mien.neutrals.identity_of(obj, fit, steered)
    assert np.isfinite(identity.jacobians).all()
    assert np.abs(identity.jacobians[present] - np.eye(3)).max() < 1e-2
    mien.api.add_expression(obj, "happy", 0.8, 2, 10, 16, 24)
    mien.api.bake(obj, start=1, end=20, seed=1, life=1.0)


def test_of_a_wrapped_head_the_neutral_is_the_face_below(mien, actor, steered, template, evaluated):
    obj, marks = heads.stranger(mien, actor, template)
    mien.api.wrap(obj, marks)
    wanted, _ = mien.neutrals.neutral_of(actor, mien.api.fit(actor))
    found, present = mien.neutrals.neutral_of(obj, mien.api.fit(obj))
    assert present is None
    skin = heads.skin_of(actor, template)[2] >= 0
    off = mien.alignment.align(found[skin], wanted[skin])
    assert off.residual < 2.0, "mm from the known face's"
    assert np.allclose(off.rotation, np.eye(3), atol=0.05)
    first = mien.neutrals.identity_of(obj, mien.api.fit(obj), steered)
    places = mien.rest.rest_positions(obj.data).astype(float) @ np.diag([0.01, 0.01, 0.01]) + (0, 3, 0)
    obj.data.vertices.foreach_set("co", places.astype(np.float32).ravel())  # an applied scale, a new origin
    obj.data.update()
    second = mien.neutrals.identity_of(obj, mien.api.fit(obj), steered)
    assert np.abs(first.jacobians - second.jacobians).max() < 1e-2
    tip = places[np.argmin(places[:, 1])]
    near = np.exp(-((np.linalg.norm(places - tip, axis=1) / 2e-4) ** 2))[:, None]
    sculpted = places + near * (0, -1e-4, 0)  # a nose longer by a centimetre
    obj.data.vertices.foreach_set("co", sculpted.astype(np.float32).ravel())
    obj.data.update()
    third, _ = mien.neutrals.neutral_of(obj, mien.api.fit(obj))
    grown = np.linalg.norm(third - found, axis=1)
    assert 7 < grown[template.landmarks["nose_tip"]] < 11
    assert grown[template.landmarks["left_ear_tip"]] < 0.5
    whole = motion_of(mien, obj, evaluated, seed=3, life=1.0)
    obj.mien.gain, obj.mien.balance = 0.5, 1.0
    assert np.abs(motion_of(mien, obj, evaluated, seed=3, life=1.0) - whole).max() < 1e-3 * np.abs(whole).max()
    obj.mien.gain, obj.mien.balance = 1.0, 0.0
    _wraps_of_earlier_versions(mien, obj, template)


def _wraps_of_earlier_versions(mien, obj, template):
    """Files from before keep no rest, and some no places: then the template's own face stands for it."""
    kept = mien.store.stored(obj.data)
    mien.store.store(obj, mien.engine.load(), kept.binding, kept.to_local, {"mean": 0.1})
    own, present = mien.neutrals.neutral_of(obj, mien.api.fit(obj))
    assert present is None
    assert np.array_equal(own, template.vertices)
    mien.api.add_expression(obj, "happy", 0.8, 2, 10, 16, 24)
    mien.api.bake(obj, start=1, end=20)


def test_the_command_line_takes_a_take(mien, steered, folder, tmp_path, capsys):
    cue, bundle = ["--cue", "happy:0.8:0:6:10:16"], ["--bundle", str(folder / "steered.safetensors")]
    common = ["bake", "sample:Ada", *cue, *bundle, "--engine", "numpy", "--quiet"]
    out = tmp_path / "take.blend"
    assert mien.cli.main([*common, "--seed", "7", "--variation", "0.5", "--life", "--out", str(out)]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(out))
    face = next(one for one in bpy.data.objects if one.type == "MESH")
    assert (face.mien.vary, face.mien.seed, face.mien.variation) == (True, 7, 0.5)
    assert (face.mien.life, face.mien.life_amount) == (True, 1.0)
    about = record_of(face)
    assert (about["seed"], about["variation"], about["life"]) == (7, 0.5, 1.0)
    assert mien.cli.main([*common[:-1], "--variation", "0.5", "--out", str(tmp_path / "unheard.blend")]) == 0
    assert mien.takes.NO_VARIATION in capsys.readouterr().out
    calm = tmp_path / "calm.blend"
    again = ["bake", str(out), *bundle, "--engine", "numpy", "--quiet", "--seed", "none", "--life", "0"]
    assert mien.cli.main([*again, "--out", str(calm)]) == 0
    bpy.ops.wm.open_mainfile(filepath=str(calm))
    about = record_of(next(one for one in bpy.data.objects if one.type == "MESH"))
    assert (about["seed"], about["life"]) == (None, 0.0)
    alive = tmp_path / "alive.blend"
    words = ["bake", "sample:Ada", "--life=0.5", *bundle, "--engine", "numpy", "--quiet", "--end", "20"]
    assert mien.cli.main([*words, "--out", str(alive)]) == 0
    capsys.readouterr()
    for wrong in (["--seed", "-1"], ["--seed", "x"], ["--seed", str(2**31)], ["--variation", "2"], ["--life", "3"]):
        assert mien.cli.main([*common, *wrong, "--out", str(tmp_path / "no.blend")]) == 2
        assert "argument" in capsys.readouterr().err
    assert not (tmp_path / "no.blend").exists()


@pytest.fixture
def read(mien, tmp_path):
    """Reads shots from what is given as JSON."""

    def read(**content):
        (tmp_path / "shots.json").write_text(json.dumps(content))
        return mien.shots.read_shots(tmp_path / "shots.json")

    return read


SHOT = {"name": "joy", "input": "sample:Ada", "cues": ["happy:1:0:2:3:4"], "out": "{name}.glb"}


def test_a_shot_says_which_take(mien, read):
    (one,) = read(shots=[{**SHOT, "seed": 7, "variation": 0.5, "life": True}])
    assert {"--seed=7", "--variation=0.5", "--life=1"} <= set(one.words)
    marks = {read(shots=[{**SHOT, **more}])[0].fingerprint() for more in ({}, {"seed": 7}, {"seed": 8})}
    marks.add(read(shots=[{**SHOT, "life": 0.5}])[0].fingerprint())
    assert len(marks) == 4
    (calm,) = read(defaults={"seed": 3}, shots=[{**SHOT, "seed": "none", "life": False}])
    assert {"--seed=none", "--life=0"} <= set(calm.words)


def test_takes_are_shots_of_their_own(mien, read, tmp_path):
    found = read(defaults={"takes": 3}, shots=[{**SHOT, "seed": 10}])
    assert [one.name for one in found] == ["joy-take1", "joy-take2", "joy-take3"]
    assert [one.writes[0].name for one in found] == ["joy-take1.glb", "joy-take2.glb", "joy-take3.glb"]
    assert ["--seed=10" in found[0].words, "--seed=12" in found[2].words] == [True, True]
    more = read(
        faces={"a": "sample:Ada", "b": "sample:Ben"},
        performances={"joy": {"cues": SHOT["cues"], "takes": 2}},
        out="{face}/{performance}_{take}.glb",
    )
    assert [one.writes[0].relative_to(tmp_path).as_posix() for one in more] == [
        f"{face}/joy_{take}.glb" for face in "ab" for take in (1, 2)
    ]


def test_the_number_of_a_take_is_in_all_that_it_makes(read):
    found = read(shots=[{**SHOT, "out": "{name}.blend", "takes": 2, "way": "cache", "cache": "{name}_{take}.pc2"}])
    assert [path.name for one in found for path in one.writes if path.suffix == ".pc2"] == [
        "joy-take1_1.pc2",
        "joy-take2_2.pc2",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"out": "{name}_{take}.glb"}, 'has {take} in a file name, and no "takes"'),
        ({"way": "cache", "cache": "{take}.pc2"}, 'has {take} in a file name, and no "takes"'),
        ({"takes": 0}, "asks for 0 takes"),
        ({"takes": True}, "asks for true takes"),
        ({"takes": 2, "seed": "none"}, "seed of its first take"),
        ({"takes": 2, "out": "joy.glb"}, "twice"),
        ({"seed": 1.5}, "no whole number"),
        ({"seed": True}, "no value"),
        ({"life": 2}, "not a number between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_told(mien, read, words, said):
    with pytest.raises(mien.engine.MienError, match=said):
        read(shots=[{**SHOT, **words}])
