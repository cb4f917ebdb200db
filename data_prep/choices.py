"""What people choose by name when they prepare photos, and what they get unless they do.

Apart from the code behind the names, which imports pandas and Pillow: --help lists them and should not wait.
"""

from __future__ import annotations

LAYOUTS = ("reference", "utkface", "fairface", "imagefolder", "manifest")
"""What lies in the folders that users have, in the order of help; `layouts` reads them."""

METHODS = ("u2net_human_seg", "sample", "keep")
"""What is done to backgrounds, the default first; `photos.background` knows them."""

MAX_LEFT_OUT = 0.01
"""Share of the photos that may be unusable before a run stops."""
