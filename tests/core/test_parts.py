# ruff: noqa: RUF005 - arrays are shifted by tuples, not lengthened
"""Parts of a face: which role each piece has, and how it follows the template."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.binding import Binding
from core.bundle import Bundle, read_bundle
from core.errors import TemplateError
from core.parts.attach import part_mover, sphere
from core.parts.jaw import jaw_reading, lower_teeth
from core.parts.merging import Together, is_still, merge, mover_from_arrays, still
from core.parts.names import role_by_name
from core.parts.part_mesh import PartMesh, with_seams
from core.parts.places import completed, features, nearest, vertices_of
from core.parts.riders import Riders, rigid_reading, rotations
from core.parts.roles import Role
from core.parts.suggest import suggest_roles
from core.template import Template

ROOT = Path(__file__).parents[2]
ICT_PACK = ROOT / "dist" / "mien-ict-head.safetensors"
ICT_KIT = ROOT.parent / "shared" / "ict-facekit" / "ict_facekit_light.npz"

needs_ict = pytest.mark.skipif(
    not (ICT_PACK.is_file() and ICT_KIT.is_file()), reason="neither ICT-FaceKit nor a pack made of it lies here"
)


@pytest.fixture(scope="module")
def head(bundle: Bundle) -> Template:
    """The MakeHuman head, whose eyes, teeth, tongue and lashes are its own."""
    return bundle.template


def edges_among(template: Template, vertices: np.ndarray) -> np.ndarray:
    place = np.full(template.vertex_count, -1)
    place[vertices] = np.arange(len(vertices))
    edges = place[template.edges]
    return edges[(edges >= 0).all(axis=1)]


def own_part(template: Template, *parts: str, row: str = "") -> tuple[PartMesh, np.ndarray]:
    """A part of the template as if it were an object of its own, and its vertices in the template."""
    vertices = vertices_of(template, parts)
    if row:
        lower = np.isin(vertices, lower_teeth(template))
        vertices = vertices[lower if row == "lower" else ~lower]
    return PartMesh.whole(template.vertices[vertices], edges_among(template, vertices)), vertices


def turn(axis: tuple[float, float, float], degrees: float) -> np.ndarray:
    unit = np.array(axis) / np.linalg.norm(axis)
    return rotations((unit * np.sin(np.radians(degrees)))[None].astype(np.float32))[0].astype(np.float64)


def jaw_open(template: Template, degrees: float, hinge: tuple[float, float, float]) -> np.ndarray:
    """(1, V, 3): the lower teeth and the tongue turn about a hinge, all else is still."""
    out = np.zeros((1, template.vertex_count, 3), np.float32)
    moved = np.concatenate([lower_teeth(template), vertices_of(template, ("tongue",))])
    rest = template.vertices[moved] - hinge
    out[0, moved] = rest @ turn((1, 0, 0), degrees).T - rest
    return out


# Names.


@pytest.mark.parametrize(
    ("names", "role"),
    [
        (["Human.eyelashes01"], Role.LASHES),
        (["Human.eyebrow001"], Role.BROWS),
        (["Human.high-poly"], None),
        (["Human.teeth_base"], Role.GUMS),
        (["CC_Base_Teeth", "Std_Upper_Teeth"], Role.UPPER),
        (["CC_Base_EyeOcclusion"], Role.SKIN),
        (["Genesis8FemaleEyelashes"], Role.LASHES),
        (["Genesis 9 Mouth"], Role.GUMS),
        (["eyeLeft_lod0_mesh"], Role.EYES),
        (["eyeshell_lod0_mesh"], Role.SKIN),
        (["eyeLid"], Role.SKIN),
        (["eye_lid.L"], Role.SKIN),
        (["upper_eyelids"], Role.SKIN),
        (["Eye_Socket"], Role.SKIN),
        (["TEETH_LOWER"], Role.LOWER),
        (["upperTeeth"], Role.UPPER),
        (["LowPoly_Teeth"], Role.GUMS),
        (["helper-l-eyelashes-2"], Role.LASHES),
        (["Sunglasses.003"], Role.GLASSES),
        (["Object.001", "Mesh", "Tongue01"], Role.TONGUE),
        (["Brown_Hair"], Role.HAIR),
        (["Eyes_Teeth_Tongue"], None),
        (["Scarf"], None),
        (["Object.001"], None),
    ],
)
def test_names_tell_roles(names: list[str], role: Role | None):
    found = role_by_name(names)
    assert (found and found[0]) == role


# Place and shape.


def test_every_part_of_the_head_is_known_by_its_place_alone(head: Template):
    for parts, row, role in (
        (("eyes", "iris", "pupil"), "", Role.EYES),
        (("teeth",), "upper", Role.UPPER),
        (("teeth",), "lower", Role.LOWER),
        (("tongue",), "", Role.TONGUE),
        (("lashes",), "", Role.LASHES),
    ):
        mesh, vertices = own_part(head, *parts, row=row)
        found = suggest_roles(head, head.vertices, mesh.points, mesh.edges, names=("Object.001", "Mesh.001"))
        assert [one.role for one in found] == [role]
        assert found[0].vertices.tolist() == list(range(len(vertices)))


def test_one_mesh_with_everything_in_it_is_told_apart(head: Template):
    found = {
        one.role: one
        for one in suggest_roles(head, head.vertices, head.vertices, head.edges, names=("Teeth",), own=True)
    }
    assert set(found) == {Role.FACE, Role.EYES, Role.UPPER, Role.LOWER, Role.TONGUE, Role.LASHES}
    assert found[Role.LASHES].pieces == 4
    np.testing.assert_array_equal(found[Role.LOWER].vertices, lower_teeth(head))


def test_a_name_for_teeth_leaves_the_rows_to_their_places(head: Template):
    mesh, _ = own_part(head, "teeth")
    found = suggest_roles(head, head.vertices, mesh.points, mesh.edges, names=("CC_Base_Teeth",))
    assert [one.role for one in found] == [Role.UPPER, Role.LOWER]
    assert all("teeth" in one.why for one in found)


def test_materials_tell_where_objects_do_not(head: Template):
    mesh, _ = own_part(head, "lashes")

    def names_of(rows: np.ndarray) -> list[str]:
        return ["Eyebrow"] if rows[0] == 0 else ["Material"]

    found = suggest_roles(head, head.vertices, mesh.points, mesh.edges, names=("Mesh",), names_of=names_of)
    assert {one.role: one.pieces for one in found} == {Role.LASHES: 3, Role.BROWS: 1}


def ring(width: float, height: float, depth: float) -> tuple[np.ndarray, np.ndarray]:
    """A closed loop in a box round the origin, 24 vertices wide and two rows high, and its edges."""
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    row = np.stack([width / 2 * np.sin(angle), 0 * angle, depth / 2 * np.cos(angle)], axis=1)
    points = np.concatenate([row - (0, height / 2, 0), row + (0, height / 2, 0)])
    edges = [(i, (i + 1) % 24) for i in range(24)] + [(i, i + 24) for i in range(24)]
    return points, np.array(edges)


def test_glasses_and_hats_are_known_and_shoes_are_not(head: Template):
    found = features(head, head.vertices)
    for size, place, role in (
        ((150, 30, 140), found.eyes.mean(axis=0) - (0, 0, 30), Role.GLASSES),
        ((160, 60, 200), np.array([0, 95, -70]), Role.HAIR),
        ((80, 60, 200), np.array([100, -1600, 0]), Role.NONE),
    ):
        points, edges = ring(*size)
        told = suggest_roles(head, head.vertices, points + place, edges, names=("Object",))
        assert [one.role for one in told] == [role]


def test_many_hairs_are_one_kind_of_hair(head: Template):
    skin = vertices_of(head, ("brows",))
    roots = np.concatenate([head.vertices[skin], head.vertices[skin] + (0.4, 0.3, 0)]).astype(np.float64)
    points = np.stack([roots, roots + (0, 1, 3), roots + (0, 2, 5)], axis=1).reshape(-1, 3)
    first = np.arange(len(roots)) * 3
    edges = np.concatenate([np.stack([first, first + 1], 1), np.stack([first + 1, first + 2], 1)])
    told = suggest_roles(head, head.vertices, points, edges)
    assert [(one.role, one.pieces) for one in told] == [(Role.BROWS, len(roots))]


def test_seams_join_what_files_have_cut():
    points = np.array([[0, 0, 0], [1, 0, 0], [1, 0, 0], [2, 0, 0]], float)
    edges = with_seams(points, np.array([[0, 1], [2, 3]]))
    assert sorted(map(sorted, edges.tolist())) == [[0, 1], [1, 2], [2, 3]]


# Riders.


def test_rotations_are_rotations_and_end_before_they_break():
    sines = np.array([[0, 0, 0], [0.5, 0, 0], [3, 4, 0]], np.float32)
    for matrix in rotations(sines):
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-6)
        assert np.linalg.det(matrix) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(rotations(sines)[1] @ (0, 1, 0), [0, np.sqrt(0.75), 0.5], atol=1e-6)


def test_a_rigid_motion_is_read_and_obeyed():
    rng = np.random.default_rng(0)
    places, parts = rng.normal(0, 20, (12, 3)), rng.normal(0, 30, (7, 3))
    reading, centre = rigid_reading(places[None], np.full((1, 12), 1 / 12))
    riders = Riders(
        "rigid", 7, np.arange(7), np.arange(12)[None], reading.astype(np.float32), np.zeros((7, 1), np.int32),
        np.ones((7, 1), np.float32), (parts - centre[0])[:, None].astype(np.float32),
    )  # fmt: skip
    # Least squares read a small turn rightly whatever the shape of the points.
    move = turn((1, 2, -1), 3.0)
    shift = np.array([1.0, -2.0, 0.5])
    moved = riders.on_object((places @ move.T + shift - places)[None].astype(np.float32))[0]
    np.testing.assert_allclose(moved, parts @ move.T + shift - parts, atol=0.06)
    whole = parts + riders.on_object(rng.normal(0, 8, (1, 12, 3)).astype(np.float32))[0]
    before, after = (np.linalg.norm(one[:, None] - one, axis=2) for one in (parts, whole))
    np.testing.assert_allclose(after, before, atol=1e-3)  # whatever they do, the body stays whole


def test_riders_come_back_from_arrays_and_refuse_damage(head: Template):
    mesh, _ = own_part(head, "lashes")
    riders = part_mover(Role.LASHES, head, head.vertices, mesh)
    assert isinstance(riders, Riders)
    riders.check(head.vertex_count)
    with pytest.raises(TemplateError, match="does not have"):
        riders.check(10)
    again = mover_from_arrays(*riders.to_arrays())
    deformation = np.random.default_rng(1).normal(0, 2, (2, head.vertex_count, 3)).astype(np.float32)
    np.testing.assert_array_equal(again.on_object(deformation), riders.on_object(deformation))
    arrays, about = riders.to_arrays()
    for name, wrong in (
        ("reading", np.full_like(riders.reading, np.nan)),
        ("holds", riders.holds + 100_000),
        ("vertices", riders.vertices * 0),
        ("arms", riders.arms[:-1]),
        ("shares", riders.shares.astype(np.int32)),
    ):
        with pytest.raises(TemplateError):
            mover_from_arrays(arrays | {name: wrong}, about)
    with pytest.raises(TemplateError, match="damaged"):
        mover_from_arrays({}, about)
    with pytest.raises(TemplateError, match="damaged"):
        mover_from_arrays(arrays, "[]")


def test_factors_go_into_the_reading(head: Template):
    mesh, _ = own_part(head, "lashes")
    riders = part_mover(Role.LASHES, head, head.vertices, mesh)
    rng = np.random.default_rng(2)
    deformation = rng.normal(0, 0.2, (2, head.vertex_count, 3)).astype(np.float32)
    factor = rng.uniform(0, 2, head.vertex_count).astype(np.float32)
    np.testing.assert_allclose(
        riders.scaled(factor).on_object(deformation), riders.on_object(deformation * factor[:, None]), atol=1e-4
    )


# The head's own parts as if they were objects: their true motion is known.


def test_still_parts_are_still(head: Template):
    mesh, _ = own_part(head, "teeth", row="upper")
    for role in (Role.UPPER, Role.HAIR, Role.NONE):
        mover = part_mover(role, head, head.vertices, mesh)
        assert is_still(mover)
        assert not mover.on_object(np.ones((1, head.vertex_count, 3), np.float32)).any()


@pytest.mark.parametrize(("parts", "row", "role"), [(("teeth",), "lower", Role.LOWER), (("tongue",), "", Role.TONGUE)])
def test_a_wide_jaw_takes_its_parts_along_whole(head: Template, parts: tuple[str, ...], row: str, role: Role):
    mesh, vertices = own_part(head, *parts, row=row)
    mover = part_mover(role, head, head.vertices, mesh)
    deformation = jaw_open(head, 25.0, (0, -53, -56))
    error = np.linalg.norm(mover.on_object(deformation)[0] - deformation[0, vertices], axis=1)
    assert np.linalg.norm(deformation[0, vertices], axis=1).max() > 20
    assert error.max() < 0.8


def test_the_jaw_of_another_head_is_read_where_its_template_lies(head: Template):
    """A head a fifth bigger and out of the middle: its teeth turn as much as the template's on it do."""
    places = head.vertices.astype(np.float64) * 1.2 + (3, -2, 5)
    mesh, vertices = own_part(head, "teeth", row="lower")
    bigger = replace(mesh, points=places[vertices])
    moved = np.zeros((1, head.vertex_count, 3), np.float32)
    rest = places - (3, -65, -60)
    lower = lower_teeth(head)
    moved[0, lower] = (rest @ turn((1, 0, 0), 20).T - rest)[lower]
    error = part_mover(Role.LOWER, head, places, bigger).on_object(moved)[0] - moved[0, vertices]
    assert np.linalg.norm(error, axis=1).max() < 0.8


def test_both_jaws_in_one_piece_part_at_the_bite(head: Template):
    mesh, vertices = own_part(head, "teeth")
    deformation = jaw_open(head, 20.0, (0, -53, -56))
    moved = np.linalg.norm(part_mover(Role.GUMS, head, head.vertices, mesh).on_object(deformation)[0], axis=1)
    upper = ~np.isin(vertices, lower_teeth(head))
    far = np.abs(mesh.points[:, 1] - features(head, head.vertices).mouth[1] - 3) > 3
    front = mesh.points[:, 2] > 0
    assert moved[upper & far].max() < 1e-6
    assert moved[~upper & far & front].min() > 10


def test_each_eye_turns_with_its_own(head: Template):
    mesh, vertices = own_part(head, "eyes", "iris", "pupil")
    mover = part_mover(Role.EYES, head, head.vertices, mesh)
    deformation = np.zeros((1, head.vertex_count, 3), np.float32)
    left = vertices[head.vertices[vertices, 0] > 0]
    rest = head.vertices[left].astype(np.float64)
    rest -= (rest.min(axis=0) + rest.max(axis=0)) / 2
    deformation[0, left] = rest @ turn((0, 1, 0), 15).T - rest
    moved = mover.on_object(deformation)[0]
    np.testing.assert_allclose(moved, deformation[0, vertices], atol=0.25)
    assert not moved[mesh.points[:, 0] < 0].any()


def test_a_sphere_is_found_from_a_part_of_it():
    rng = np.random.default_rng(3)
    ways = rng.normal(0, 1, (200, 3))
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    centre, radius, off = sphere(ways[ways[:, 2] > 0.3] * 12.5 + (30, 1, -4))
    np.testing.assert_allclose(centre, (30, 1, -4), atol=1e-9)
    assert radius == pytest.approx(12.5)
    assert off < 1e-9
    assert sphere(np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float))[2] == np.inf


def test_lashes_ride_on_the_lids(head: Template):
    """The real shape: each lid and its lashes turn about the eye, rigidly; the lashes of a wrapped head do too."""
    mesh, vertices = own_part(head, "lashes")
    mover = part_mover(Role.LASHES, head, head.vertices, mesh)
    deformation = np.random.default_rng(4).normal(0, 1, (1, 1, 3)) * np.ones((1, head.vertex_count, 1))
    np.testing.assert_allclose(mover.on_object(deformation.astype(np.float32))[0], deformation[0, vertices], atol=1e-4)
    centre = features(head, head.vertices).eyes[0]
    rest = head.vertices - centre
    turned = (rest @ turn((1, 0, 0), 20).T - rest)[None].astype(np.float32)
    left = mesh.points[:, 0] > 0
    error = np.linalg.norm(mover.on_object(turned)[0] - turned[0, vertices], axis=1)[left]
    assert error.max() < 1.0
    assert np.linalg.norm(turned[0, vertices][left], axis=1).max() > 6


def test_hairs_hang_on_their_roots_and_not_on_what_is_near_their_tips():
    """A sheet whose right half goes up: a hair rooted on the left leans over the right half, and stays."""
    u, v = np.meshgrid(np.arange(-10.0, 11.0), np.arange(-10.0, 11.0))
    points = np.stack([3 * u, 3 * v, 0 * u], axis=-1).reshape(-1, 3)
    corner = (np.arange(20)[:, None] * 21 + np.arange(20)).reshape(-1)
    polygons = np.stack([corner, corner + 1, corner + 22, corner + 21], axis=1)
    sheet = Template("sheet", points.astype(np.float32), polygons.astype(np.int32), {"nose_tip": 220})
    along = np.linspace(0, 1, 10)[:, None]
    hair = np.array([-8.0, 0, 0.2]) + along * (14, 0, 14)
    mesh = PartMesh.whole(hair, np.stack([np.arange(9), np.arange(1, 10)], axis=1))
    moved = np.zeros((1, len(points), 3), np.float32)
    moved[0, points[:, 0] > 3] = 0, 0, 5
    lifted = part_mover(Role.BEARD, sheet, points, mesh).on_object(moved)[0]
    assert np.abs(lifted).max() < 0.1


def test_glasses_stay_whole_and_sit_on_the_nose(head: Template):
    found = features(head, head.vertices)
    points, edges = ring(150, 30, 140)
    mesh = PartMesh.whole(points + found.eyes.mean(axis=0) + (0, -8, -40), edges)
    mover = part_mover(Role.GLASSES, head, head.vertices, mesh)
    up = np.zeros((1, head.vertex_count, 3), np.float32)
    up[..., 1] = 2
    np.testing.assert_allclose(mover.on_object(up)[0], np.tile((0, 2, 0), (len(points), 1)), atol=1e-3)
    mouth_only = jaw_open(head, 25, (0, -53, -56))
    assert np.abs(mover.on_object(mouth_only)).max() < 1e-6


def test_what_a_head_lacks_lies_beside_its_neighbours(head: Template):
    present = ~np.isin(np.arange(head.vertex_count), vertices_of(head, ("eyes", "iris", "pupil", "teeth", "lashes")))
    places = head.vertices.astype(np.float64) * 1.1
    found = completed(head, np.where(present[:, None], places, np.nan), present)
    np.testing.assert_array_equal(found[present], places[present])
    assert np.linalg.norm(found - places, axis=1).max() < 5


def test_nearest_points_are_the_nearest():
    rng = np.random.default_rng(5)
    points, among = rng.normal(0, 50, (40, 3)) + 1000, rng.normal(0, 50, (300, 3)) + 1000
    index, away = nearest(points, among, 3)
    every = np.linalg.norm(points[:, None] - among, axis=2)
    np.testing.assert_array_equal(index, np.argsort(every, axis=1)[:, :3])
    np.testing.assert_allclose(away, np.sort(every, axis=1)[:, :3])
    assert nearest(points, among[:2], 5)[0].shape == (40, 2)


# Several parts in one mesh.


def test_parts_take_their_vertices_from_the_face(head: Template):
    count = head.vertex_count
    face = Binding(
        "face", count, np.arange(count, dtype=np.int32), np.arange(count, dtype=np.int32)[:, None],
        np.ones((count, 1), np.float32),
    )  # fmt: skip
    lower, upper = lower_teeth(head), own_part(head, "teeth", row="upper")[1]
    mesh = PartMesh.whole(head.vertices, head.edges)
    jaw = part_mover(Role.LOWER, head, head.vertices, mesh.only(lower))
    whole = merge(face, [jaw, still("upper", count, upper)])
    assert isinstance(whole, Together)
    assert sorted(whole.moving) == sorted(set(range(count)) - set(upper.tolist()))
    deformation = np.random.default_rng(6).normal(0, 1, (2, count, 3)).astype(np.float32)
    moved = whole.on_object(deformation)
    rows = np.searchsorted(np.sort(whole.moving), np.arange(count)[~np.isin(np.arange(count), upper)])
    ordered = moved[:, np.argsort(whole.moving)][:, rows]
    skin = ~np.isin(np.delete(np.arange(count), upper), lower)
    np.testing.assert_array_equal(ordered[:, skin], np.delete(deformation, upper, axis=1)[:, skin])
    np.testing.assert_array_equal(ordered[:, ~skin], jaw.on_object(deformation))
    again = mover_from_arrays(*whole.to_arrays())
    np.testing.assert_array_equal(again.on_object(deformation), moved)
    factor = np.full(count, 0.5, np.float32)
    np.testing.assert_allclose(whole.scaled(factor).on_object(deformation), whole.on_object(deformation / 2), atol=1e-4)
    assert merge(face, []) is face


def test_parts_of_different_meshes_do_not_go_together():
    one, other = still("a", 5, np.arange(2, dtype=np.int32)), still("b", 6, np.arange(2, dtype=np.int32))
    with pytest.raises(TemplateError, match="not of one mesh"):
        Together((one, other))
    with pytest.raises(TemplateError, match="same vertex"):
        Together((one, one))


# ICT-FaceKit: a template without teeth, and a kit that knows how its teeth, gums and lashes truly move.


@pytest.fixture(scope="module")
def kit():
    """Rest (N, 3), edges (E, 2), and the motion (N, 3) of an action at 1."""
    with np.load(ICT_KIT, allow_pickle=False) as data:
        rest, faces = data["neutral"].astype(np.float64), data["faces"]
        shapes = dict(zip([str(name) for name in data["expression_names"]], data["expression_shapes"], strict=True))
    last = np.where(faces[:, 3] >= 0, faces[:, 3], faces[:, 2])
    sides = [faces[:, [0, 1]], faces[:, [1, 2]], np.stack([faces[:, 2], last], 1), np.stack([last, faces[:, 0]], 1)]
    edges = np.concatenate(sides)
    return rest, edges[edges[:, 0] != edges[:, 1]], shapes


def ict_error(kit, template: Template, role: Role, span: tuple[int, int], *actions: str) -> tuple[float, float]:
    """Root mean square and largest error in mm, of a range of the kit's vertices when all these actions are at 1."""
    rest, edges, shapes = kit
    mesh = PartMesh.whole(rest, edges).only(np.arange(*span))
    mover = part_mover(role, template, rest[: template.vertex_count], mesh)
    motion = sum(shapes[name] for name in actions)
    off = np.linalg.norm(mover.on_object(motion[None, : template.vertex_count])[0] - motion[span[0] : span[1]], axis=1)
    return float(np.sqrt((off**2).mean())), float(off.max())


@needs_ict
def test_ict_lower_teeth_move_as_the_kit_says(kit):
    template = read_bundle(ICT_PACK).template
    lower = (19_247, 21_451)
    assert ict_error(kit, template, Role.LOWER, lower, "jawOpen")[1] < 1.5  # of 41 mm
    assert ict_error(kit, template, Role.LOWER, lower, "jawForward")[1] < 1.0  # of 9 mm
    assert ict_error(kit, template, Role.LOWER, lower, "jawLeft")[1] < 1.5  # of 7 mm
    for still_actions in (["mouthSmile_L", "mouthSmile_R"], ["mouthShrugLower"], ["mouthPucker"], ["mouthClose"]):
        assert ict_error(kit, template, Role.LOWER, lower, *still_actions)[1] < 1.6
    assert ict_error(kit, template, Role.UPPER, (17_039, 19_247), "jawOpen")[1] < 0.1


@needs_ict
def test_ict_gums_and_lashes_follow(kit):
    template = read_bundle(ICT_PACK).template
    assert ict_error(kit, template, Role.GUMS, (14_062, 17_039), "jawOpen")[0] < 3.5  # of 42 mm
    assert ict_error(kit, template, Role.LASHES, (25_351, 26_719), "eyeBlink_L", "eyeBlink_R")[0] < 3.0  # of 18 mm
    assert ict_error(kit, template, Role.LASHES, (25_351, 26_719), "eyeWide_L", "eyeWide_R")[0] < 0.8
    assert ict_error(kit, template, Role.LASHES, (25_351, 26_719), "mouthSmile_L", "mouthSmile_R")[1] < 1.0


@needs_ict
def test_ict_pieces_are_told_apart_in_one_mesh(kit):
    template = read_bundle(ICT_PACK).template
    rest, edges, _ = kit
    found = {one.role: one for one in suggest_roles(template, rest[: template.vertex_count], rest, edges, own=True)}
    assert set(found) == {Role.FACE, Role.EYES, Role.UPPER, Role.LOWER, Role.GUMS, Role.LASHES}
    assert found[Role.UPPER].vertices.tolist() == list(range(17_039, 19_247))
    assert found[Role.LOWER].vertices.tolist() == list(range(19_247, 21_451))
    assert found[Role.GUMS].vertices.tolist() == list(range(14_062, 17_039))
    assert set(range(21_451, 24_591)) <= set(found[Role.EYES].vertices.tolist())
    assert set(range(25_351, 26_719)) <= set(found[Role.LASHES].vertices.tolist())


@needs_ict
def test_a_jaw_is_read_with_nothing_but_lips_and_nose_to_tell_the_places(kit):
    template = read_bundle(ICT_PACK).template
    bare = replace(
        template,
        landmarks={k: v for k, v in template.landmarks.items() if k in ("nose_tip", "lower_lip_top")},
        layouts=(),
    )
    found = features(bare, bare.vertices)
    controls, reading, centre = jaw_reading(bare, bare.vertices, found)
    assert reading.shape == (6, 3 * len(controls))
    assert np.isfinite(centre).all()
    assert ict_error(kit, bare, Role.LOWER, (19_247, 21_451), "jawOpen")[1] < 2.0
