"""What people choose by name when they prepare photos, and what they get unless they do.

Apart from the code behind the names, which imports pandas and Pillow: --help lists them and should not wait.
"""

from __future__ import annotations

LAYOUTS = ("reference", "utkface", "fairface", "imagefolder", "manifest")
"""What lies in the folders that users have, in the order of help; `layouts` reads them."""

NAMED = ("utkface", "imagefolder")
"""Layouts in which names of files and folders are the labels: they take no --labels."""

METHODS = ("u2net_human_seg", "u2net", "u2netp", "silueta", "isnet-general-use", "sample", "keep")
"""What is done to backgrounds, the default first; `photos.background` knows them."""

IMPLAUSIBLE = KEEP, REMOVE, LEAVE_OUT = "keep", "remove", "leave-out"
"""What is done with a photo whose mask is implausible, the default first: it is kept as it is, its background is
removed all the same, or it is left out of the store. Stores that do not say which were made by removing."""

MAX_LEFT_OUT = 0.01
"""Share of the photos that may be unusable before a run stops."""
