"""The bundle: round trip, and a plain sentence for everything that can be wrong with one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from core.bundle import Bundle, read_arrays, read_bundle, write_arrays, write_bundle
from core.errors import BundleError


@pytest.fixture
def path(bundle: Bundle, tmp_path: Path) -> Path:
    target = tmp_path / "copy.safetensors"
    write_bundle(target, bundle)
    return target


def rewrite(path: Path, change: dict[str, object] | None = None, **metadata: str) -> None:
    arrays, words = read_arrays(path)
    write_arrays(path, {**arrays, **(change or {})}, {**words, **metadata})


def test_round_trip(bundle: Bundle, path: Path) -> None:
    again = read_bundle(path)
    assert again.header == bundle.header
    assert again.template.content_hash == bundle.template.content_hash
    for name, array in bundle.weights.items():
        np.testing.assert_array_equal(again.weights[name], array)
    for name, array in bundle.samples.items():
        np.testing.assert_array_equal(again.samples[name], array)
    np.testing.assert_array_equal(again.modes, bundle.modes)
    assert len(again.modes) == 40


def test_a_bundle_without_modes_of_people_is_read(bundle: Bundle, tmp_path: Path) -> None:
    older = tmp_path / "older.safetensors"
    write_bundle(older, dataclasses.replace(bundle, modes=bundle.modes[:0]))
    assert "modes" not in read_arrays(older)[0]
    assert len(read_bundle(older).modes) == 0


@pytest.mark.parametrize("kind", ["float32", "short", "many", "nan"])
def test_modes_that_do_not_fit_are_refused(bundle: Bundle, path: Path, kind: str) -> None:
    modes = np.array(bundle.modes)
    nowhere = modes.copy()
    nowhere[1, 2, 0] = np.nan
    wrong = {
        "float32": modes.astype(np.float32), "short": modes[:, :-1], "nan": nowhere,
        "many": np.repeat(modes[:, :1], bundle.template.vertex_count, axis=1)[np.zeros(501, int)],
    }[kind]  # fmt: skip
    rewrite(path, {"modes": wrong})
    with pytest.raises(BundleError, match="modes"):
        read_bundle(path)


def test_the_public_reader_agrees_with_ours(path: Path) -> None:
    arrays, _ = read_arrays(path)
    public = safetensors.numpy.load_file(path)
    assert public.keys() == arrays.keys()
    for name, array in public.items():
        np.testing.assert_array_equal(arrays[name], array)


def test_the_default_bundle_says_what_it_is(bundle: Bundle) -> None:
    header = bundle.header
    assert header["units"] == "mm"
    assert header["frame_rate"] == 12.0
    assert header["licence"]["spdx"] == "CC0-1.0"
    assert header["licence"]["notice"]
    assert header["template_hash"] == bundle.template.content_hash
    # What the paper's network has is 0.33 mm, and the baseline of principal components 0.28.
    assert 0 < header["training"]["test_error_mm"]["total"] < 0.23
    assert header["provenance"]["source"]
    assert len(bundle.samples) >= 3


def test_a_missing_file_and_a_foreign_one(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        read_bundle(tmp_path / "nothing.safetensors")
    (tmp_path / "text").write_text("hello, I am a diary")
    with pytest.raises(BundleError, match="not a bundle"):
        read_bundle(tmp_path / "text")
    write_arrays(tmp_path / "other", {"a": np.zeros(3, np.float32)}, {})
    with pytest.raises(BundleError, match="not a Mien bundle"):
        read_bundle(tmp_path / "other")


@pytest.mark.parametrize("keep", [0, 5, 100, 3000, -1, -1000])
def test_a_cut_file(path: Path, keep: int) -> None:
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BundleError):
        read_bundle(path)


@pytest.mark.parametrize("version", ["3", "10", "0", "", "1.0", "two"])
def test_a_newer_version(path: Path, version: str) -> None:
    rewrite(path, version=version)
    with pytest.raises(BundleError, match=f"version {version};.*Update the extension"):
        read_bundle(path)


def test_a_bundle_of_the_first_version_is_read(plain: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "older.safetensors"
    write_bundle(path, plain)
    rewrite(path, version="1")
    older = read_bundle(path)
    assert older.header["sizes"].keys() == {"vertices", "channels", "spiral_length", "latent", "labels"}
    assert older.identity is None
    assert older.life is None
    for name, array in plain.weights.items():
        np.testing.assert_array_equal(older.weights[name], array)


def test_round_trip_of_a_steered_one(steered: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "steered.safetensors"
    write_bundle(path, steered)
    assert read_arrays(path)[1]["version"] == "2"
    again = read_bundle(path)
    assert again.header["sizes"] == steered.header["sizes"]
    assert again.identity is not None
    assert steered.identity is not None
    for name, array in steered.identity.to_arrays().items():
        np.testing.assert_array_equal(again.identity.to_arrays()[name], array)
    assert again.life is not None
    assert steered.life is not None
    assert again.life.names == steered.life.names
    np.testing.assert_array_equal(again.life.fields, steered.life.fields)


@pytest.fixture(scope="module")
def steered_path(steered: Bundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("steered") / "steered.safetensors"
    write_bundle(path, steered)
    return path


@pytest.mark.parametrize(
    ("sizes", "match"),
    [
        ({"steered": False}, "sizes"),
        ({"steered": 1}, "sizes"),
        ({"style": -1}, "."),
        ({"style": 16.0}, "sizes"),
        ({"style": True}, "."),
        ({"code": 25}, "."),
        ({"style": 10**9}, "."),
        ({"code": None}, "."),
        ({"ahead": [0, 6]}, "sizes"),
        ({"ahead": [3, 25]}, "sizes"),
        ({"ahead": [3.0, 6.0]}, "sizes"),
        ({"ahead": "36"}, "."),
        ({"ahead": [3]}, "."),
        ({"another": 1}, "."),
        ({"fields": 2}, "sizes"),
        ({"fields": 40}, "sizes"),
        ({"fields": True}, "sizes"),
        ({"direct": [0]}, "sizes"),
        ({"direct": [1, 1]}, "sizes"),
        ({"direct": "1"}, "sizes"),
        ({"latent": 0}, "sizes"),
        ({"channels": None}, "sizes"),
    ],
)
def test_words_of_a_steered_network_that_do_not_fit(
    steered: Bundle, steered_path: Path, tmp_path: Path, sizes: dict[str, object], match: str
) -> None:
    path = tmp_path / "wrong.safetensors"
    path.write_bytes(steered_path.read_bytes())
    rewrite(path, header=json.dumps({**steered.header, "sizes": {**steered.header["sizes"], **sizes}}))
    with pytest.raises(BundleError, match=match):
        read_bundle(path)


@pytest.mark.parametrize("word", ["vertices", "channels", "spiral_length", "latent", "labels"])
def test_a_bundle_tells_all_its_sizes(steered: Bundle, tmp_path: Path, word: str) -> None:
    sizes = {name: value for name, value in steered.header["sizes"].items() if name != word}
    for wrong in (sizes, [sizes], None):
        with pytest.raises(BundleError, match="sizes"):
            write_bundle(
                tmp_path / "b.safetensors", dataclasses.replace(steered, header=steered.header | {"sizes": wrong})
            )


def test_damaged_arrays_of_a_steered_network(steered: Bundle, steered_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.safetensors"
    arrays = read_arrays(steered_path)[0]
    basis, field = np.array(arrays["identity.basis"]), np.array(arrays["life.jaw.field"])
    nan_basis, nan_field = basis.copy(), field.copy()
    nan_basis[0, 0, 0] = nan_field[0, 0] = np.nan
    far = np.array(arrays["identity.picked"])
    far[-1] = steered.template.vertex_count
    outside = np.array(arrays["life.jaw.vertices"])
    outside[0] = -1
    bias = np.array(arrays["weight.decoder.convs.2.bias"])
    bias[1] = 1e-3
    cases = {
        "not finite numbers": {"identity.basis": nan_basis},
        "do not fit together": {"identity.basis": basis[:, :-1]},
        "does not fit its network": {"identity.basis": basis[:20]},
        "does not fit its template": {"identity.picked": far},
        "type float64": {"identity.picked": far.astype(np.float64)},
        "finite": {"life.jaw.field": nan_field},
        "does not fit": {"life.jaw.field": field[:-1]},
        "jaw": {"life.jaw.vertices": outside},
        "not know": {"life.wink.field": field},
        "moves a face at rest": {"weight.decoder.convs.2.bias": bias},
    }
    for match, change in cases.items():
        path.write_bytes(steered_path.read_bytes())
        rewrite(path, change)
        with pytest.raises(BundleError, match=match):
            read_bundle(path)


def test_a_steered_network_needs_its_shape_basis(steered: Bundle, plain: Bundle, tmp_path: Path) -> None:
    for wrong in (
        dataclasses.replace(steered, identity=None),
        dataclasses.replace(plain, identity=steered.identity),
    ):
        with pytest.raises(BundleError, match="shape basis"):
            write_bundle(tmp_path / "b.safetensors", wrong)
    assert list(tmp_path.iterdir()) == []


def test_damaged_words_and_arrays(bundle: Bundle, path: Path) -> None:
    original = path.read_bytes()
    moved = np.array(bundle.template.vertices)
    moved[0, 0] += 1
    nan = np.array(bundle.weights["decoder.fc.bias"])
    nan[3] = np.nan
    header = json.dumps({**bundle.header, "frame_rate": 0})
    lacking = json.dumps({key: value for key, value in bundle.header.items() if key != "licence"})
    cases = [
        ({"template.vertices": moved}, {}, "hash"),
        ({"weight.decoder.fc.bias": nan}, {}, "finite"),
        ({"weight.decoder.fc.bias": nan[:-1]}, {}, "shapes"),
        ({"topology.spirals.0": np.array(bundle.topology.spirals[0][:, :5])}, {}, "."),
        ({"sample.Nobody": np.zeros((3, 3), np.float32)}, {}, "sample face"),
        ({}, {"header": header}, "frame rate"),
        ({}, {"header": lacking}, "licence"),
        ({}, {"header": json.dumps({**bundle.header, "licence": "MIT"})}, "licence"),
        ({}, {"header": json.dumps({**bundle.header, "licence": {"spdx": 3}})}, "licence"),
        ({}, {"header": json.dumps({**bundle.header, "licence": {"spdx": "MIT", "notice": "x" * 10**6}})}, "licence"),
        ({}, {"header": "{"}, "damaged"),
    ]
    for arrays, words, match in cases:
        path.write_bytes(original)
        rewrite(path, arrays, **words)
        with pytest.raises(BundleError, match=match):
            read_bundle(path)


@pytest.mark.parametrize("which", ["path", "steered_path"])
def test_random_damage_never_passes_as_another_error(
    which: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path, original = tmp_path / "damaged.safetensors", request.getfixturevalue(which).read_bytes()
    rng = np.random.default_rng(0)
    length = int.from_bytes(original[:8], "little")
    for _ in range(60):
        data = bytearray(original)
        data[int(rng.integers(0, 8 + length))] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(data))
        try:
            # What is read can be asked.
            found = read_bundle(path)
            assert found.sizes.inputs > 0
            assert isinstance(found.varies, bool)
        except BundleError:
            continue


def test_nothing_is_written_when_the_bundle_is_wrong(bundle: Bundle, tmp_path: Path) -> None:
    wrong = dataclasses.replace(bundle, weights={**bundle.weights, "decoder.fc.bias": np.zeros(3, np.float32)})
    with pytest.raises(BundleError, match="shapes"):
        write_bundle(tmp_path / "b.safetensors", wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("metadata", ["[]", "null", "3", '"words"'])
def test_metadata_that_are_no_dictionary(path: Path, metadata: str) -> None:
    text = f'{{"__metadata__": {metadata}}}'.encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(BundleError):
        read_bundle(path)


def test_words_made_to_break_the_reader(bundle: Bundle, path: Path) -> None:
    original, sizes = path.read_bytes(), bundle.header["sizes"]
    deep = "[" * 100_000 + "]" * 100_000
    wrong = [
        {"channels": []},
        {"channels": sizes["channels"][1:]},
        {"channels": [*sizes["channels"][:-1], 4]},
        {"labels": 7},
        {"latent": float("inf")},
        {"latent": 0},
        {"vertices": 5},
    ]
    headers = [deep, "null", "[]", *(json.dumps({**bundle.header, "sizes": {**sizes, **one}}) for one in wrong)]
    for header in headers:
        path.write_bytes(original)
        rewrite(path, header=header)
        with pytest.raises(BundleError):
            read_bundle(path)
    whole = f'{{"a": {deep}}}'.encode()
    path.write_bytes(len(whole).to_bytes(8, "little") + whole)
    with pytest.raises(BundleError):
        read_bundle(path)
    endless = b'{"a": {"dtype": "F32", "shape": [Infinity], "data_offsets": [0, 4]}}'
    path.write_bytes(len(endless).to_bytes(8, "little") + endless + b"0000")
    with pytest.raises(BundleError):
        read_bundle(path)


@pytest.mark.parametrize("shape", [(0, 5), (0, 3, 3), (0,), (0, 1, 1, 1)])
def test_no_modes_have_one_shape(path: Path, shape: tuple[int, ...]) -> None:
    rewrite(path, {"modes": np.zeros(shape, np.float16)})
    with pytest.raises(BundleError, match="modes"):
        read_bundle(path)
