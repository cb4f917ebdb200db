import subprocess
import sys
from pathlib import Path

import trainable

FOLDER = Path(trainable.__file__).parent


def test_importing_the_training_core_imports_no_ray_and_augmentation_numba_only_where_a_cpu_augments():
    modules = [
        ".".join(("trainable", *file.relative_to(FOLDER).with_suffix("").parts))
        for file in sorted(FOLDER.rglob("*.py"))
        if file.stem != "__init__" and file.parent.name != "worker"
    ]
    code = (
        "import importlib, sys, trainable.photos.augment\n"
        "print('numba' in sys.modules)\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'ray', 'optuna', 'rembg', 'tuning', 'ensemble'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=FOLDER.parent, capture_output=True, text=True, check=True)
    assert len(modules) >= 24
    assert found.stdout.split() == ["False", "[]"]
