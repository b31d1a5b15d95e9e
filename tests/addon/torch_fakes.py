"""Small wheels that stand for PyTorch and what it needs, and a Python with Blender but without the real one."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

NUMPY_OF_ITS_OWN = {"numpy/__init__.py": "__version__ = '99'"}
TORCH = {
    "torch/__init__.py": """
import numpy, typing_extensions
from .version import __version__
class Tensor:
    def __init__(self, values): self.values = values
    def numpy(self): return self.values
    def sum(self): return self.values.sum()
def zeros(count): return Tensor(numpy.zeros(count))
from_numpy = Tensor
""",
    "torch/version.py": "__version__ = '2.13.0'\n",
    "torch/lib/libtorch.so": "x" * 3_000_000,
    "torch/include/header.h": "left out",
    "torch/test/test_all.py": "left out",
    "torch-2.13.0.data/purelib/torch/inner.py": "moved up",
    "torch-2.13.0.data/scripts/torchrun": "left out",
}
NEEDS = ("numpy", "sympy>=1.13", "typing-extensions>=4.10", 'nvidia-cudnn; platform_system == "Linux"')


def wheel(folder, name, files, *, version="2.13.0", needs=(), tag="py3-none-any"):
    """Writes a wheel into a folder; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    about += "".join(f"Requires-Dist: {one}\n" for one in needs)
    path = folder / f"{stem}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as made:
        for file, text in files.items():
            made.writestr(file, text)
        made.writestr(f"{stem}.dist-info/METADATA", about)
        made.writestr(f"{stem}.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        made.writestr(f"{stem}.dist-info/RECORD", "")
    return path


def companions(folder):
    """What torch asks for: some of it needed, some not, numpy never."""
    wheel(folder, "typing-extensions", {"typing_extensions.py": "__version__ = '4.16'"}, version="4.16.0")
    wheel(folder, "nvidia-cudnn", {"nvidia/cudnn/lib/libcudnn.so": "x" * 1000}, version="9.0")
    wheel(folder, "sympy", {"sympy/__init__.py": ""}, version="1.14")
    wheel(folder, "numpy", NUMPY_OF_ITS_OWN, version="99")


def bare_python(folder):
    """A virtual environment with this Blender and its numpy, pip and nothing else; returns its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    ours = Path(sysconfig.get_path("purelib"))
    theirs = next(folder.glob("[Ll]ib*/**/site-packages"))
    brought = ("bpy", "numpy", "numpy.libs", "requests", "urllib3", "idna", "certifi", "charset_normalizer")
    for name in (*brought, "zstandard", "pip"):
        if (ours / name).exists():
            (theirs / name).symlink_to(ours / name)
    return next(path for path in (folder / "bin" / "python", folder / "Scripts" / "python.exe") if path.exists())
