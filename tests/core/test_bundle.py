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
    assert header["training"]["epochs"] >= 40
    assert 0 < header["training"]["test_error_mm"]["total"] < 0.5
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


def test_a_newer_version(path: Path) -> None:
    rewrite(path, version="2")
    with pytest.raises(BundleError, match="version 2"):
        read_bundle(path)


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


def test_random_damage_never_passes_as_another_error(path: Path) -> None:
    original = path.read_bytes()
    rng = np.random.default_rng(0)
    length = int.from_bytes(original[:8], "little")
    for _ in range(60):
        data = bytearray(original)
        data[int(rng.integers(0, 8 + length))] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(data))
        try:
            read_bundle(path)
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
