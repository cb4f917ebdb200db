import subprocess
import sys
from pathlib import Path

import trainable

FOLDER = Path(trainable.__file__).parent


def test_importing_the_training_core_does_not_import_ray():
    modules = [
        f"trainable.{file.stem}"
        for file in FOLDER.glob("*.py")
        if file.stem not in ("__init__", "ray_trainable", "sturdy")
    ]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'ray', 'optuna', 'rembg', 'tuning', 'ensemble'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parent, capture_output=True, text=True, check=True)
    assert len(modules) >= 11
    assert found.stdout.strip() == "[]"
