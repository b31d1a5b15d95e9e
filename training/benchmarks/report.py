"""The benchmark's figures as a table and as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .decoding import FAST, FRAMES, NO_BLAS, NUMPY, PLAIN

if TYPE_CHECKING:
    from pathlib import Path

BARS = {
    "inference_1": ("one frame, times sooner than plain", 4.5, True),
    "inference_100": ("100 frames, times sooner than plain", 5.5, True),
    "train_10": ("training step of 10 frames, times sooner than plain", 8.0, True),
    "numpy_1": ("numpy, one frame, times sooner than plain torch", 1.5, True),
    "preprocessing": ("preprocessing, times the library's own", 3.0, False),
    "bake_100": ("generate and bake 100 frames, times the bare bake", 2.5, False),
}
"""Ratio -> what it is, what we ask of it, whether more is better."""

FLOOR_BARS = {"inference_1": 6.0, "inference_100": 6.0, "train_10": 8.0}
STREAM_BAR_MB = 300.0


def table(result: dict[str, Any]) -> str:
    """Milliseconds a frame and a step, then the ratios beside what we ask of them."""
    seconds, floor = result["seconds"], result["floor"]
    about = result["machine"]
    lines = [
        f"{_where(about)}, torch {about['torch']}, numpy {about['numpy']}",
        f"levels {'/'.join(str(count) for count in result['vertices'])}",
        "",
        f"{'ms':<34}{'1 frame':>10}{'10, each':>10}{'100, each':>11}{'step of 10':>12}{'error':>10}",
    ]
    for name in (*PLAIN, FAST, NUMPY, NO_BLAS):
        cells = "".join(f"{1e3 * seconds['frames'][name][str(n)] / n:>10.3f}" for n in FRAMES)
        step = f"{1e3 * seconds['step_10'][name]:.1f}" if name in seconds["step_10"] else ""
        lines.append(f"{name:<34}{cells} {step:>12}{result['relative_errors'][name]:>10.1e}")
    cells = "".join(f"{1e3 * floor[f'inference_{n}']['floor'] / n:>10.3f}" for n in FRAMES)
    lines.append(f"{'floor':<34}{cells} {1e3 * floor['train_10']['floor']:>12.1f}")
    lines += [
        "",
        f"matrix products {floor['matrix_flops'] / 1e9:.0f} GFLOP/s, {floor['flop_a_frame'] / 1e6:.1f} MFLOP a frame",
        f"tables {floor['tables'] / 1e6:.1f} MB, read at {floor['memory_bytes'] / 1e9:.0f} GB/s",
        f"numpy: {about['numpy_layouts']}",
    ]
    others = [("preprocessing, s", "preprocessing", 1), ("100 frames in Blender, ms", "bake_100", 1e3)]
    for words, key, unit in others:
        times = seconds[key]
        if times:
            lines.append(f"{words}: " + ", ".join(f"{name} {unit * took:.2f}" for name, took in times.items()))
    lines += ["", f"{'':<52}{'seen':>9}{'asked':>9}"]
    for key, (words, bar, more) in BARS.items():
        lines.append(_line(words, result["ratios"][key], bar, more=more))
    for key, bar in FLOOR_BARS.items():
        lines.append(_line(f"{key.replace('_', ' ')}, times the floor", result["times_floor"][key], bar, more=False))
    lines += _steered(result["steered"])
    each = seconds["frames"][FAST]
    lines.append(_line("a frame of 100, times one alone", each["100"] / 100 / each["1"], 1.0, more=False))
    lines.append(_line("10,000 frames, MB beyond the generator", result["stream_10000_mb"], STREAM_BAR_MB, more=False))
    lines.append(_line("largest relative error", result["max_relative_error"], 1e-5, more=False))
    return "\n".join(lines)


def _steered(found: dict[str, Any]) -> list[str]:
    """The steered network by the same bars, and what it costs beside the paper's."""
    words = {
        "fast_1": ("steered, one frame, times sooner than plain", BARS["inference_1"][1]),
        "fast_100": ("steered, 100 frames, times sooner than plain", BARS["inference_100"][1]),
        "numpy_1": ("steered, numpy, one frame, times sooner", BARS["numpy_1"][1]),
    }
    lines = [_line(text, found["ratios"][key], bar, more=True) for key, (text, bar) in words.items()]
    lines.append(_line("steered, largest relative error", found["relative_error"], 1e-5, more=False))
    times = ", ".join(f"{found['ratios'][f'of_the_papers_{count}']:.2f} for {count}" for count in ("1", "100"))
    lines.append(
        f"steered, times the paper's network on the fast way: {times}; a face is read once, ms: "
        f"{1e3 * found['face_seconds']:.0f}"
    )
    return lines


def _line(words: str, seen: float | None, bar: float, *, more: bool) -> str:
    if seen is None:
        return f"{words:<52}{'':>9}{bar:>9g}"
    met = seen >= bar if more else seen <= bar
    return f"{words:<52}{seen:>9.3g}{('≥' if more else '≤') + format(bar, 'g'):>9}{'' if met else '  missed'}"


def plot(result: dict[str, Any], path: Path) -> None:
    """Bars of milliseconds a frame, with the floor, for one frame, a hundred and a training step."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    seconds, floor = result["seconds"], result["floor"]
    each = seconds["frames"]
    names = [*PLAIN, FAST, NUMPY, NO_BLAS]
    panels = [
        ("one frame", {n: each[n]["1"] for n in names}, floor["inference_1"]["floor"]),
        (
            "a frame of 100",
            {n: seconds["frames"][n]["100"] / 100 for n in names},
            floor["inference_100"]["floor"] / 100,
        ),
        ("a training step of 10 frames", seconds["step_10"], floor["train_10"]["floor"]),
    ]
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
    for axis, (title, values, least) in zip(axes, panels, strict=True):
        shown = [name for name in names if name in values]
        milliseconds = [1e3 * values[name] for name in shown]
        colours = ["#d1495b" if name == FAST else "#8d99ae" for name in shown]
        bars = axis.barh(shown, milliseconds, color=colours)
        axis.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
        axis.axvline(1e3 * least, color="black", linewidth=1, linestyle=":")
        axis.set(title=title, xlabel="ms", xlim=(0, max(milliseconds) * 1.2))
        axis.invert_yaxis()
        axis.spines[["top", "right"]].set_visible(False)
        if axis is not axes[0] and len(shown) == len(names):
            axis.set_yticklabels([])
    where = _where(result["machine"])
    figure.suptitle(f"{result['vertices'][0]:,} vertices, {where}; dotted: the floor", fontsize=9)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _where(about: dict[str, Any]) -> str:
    return f"{about.get('gpu', about['processor'])}, {about['threads']} threads"
