"""The models that rembg has names for: which of them are used here, by which checksums, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """A model that rembg fetches, free to use for anything.

    Attributes:
        md5: as rembg has it.
        sha256: of the file with that MD5; None where we have not seen the file.
        megabytes: that are fetched.
    """

    md5: str
    sha256: str | None
    megabytes: int


FREE = {
    "u2net_human_seg": Model(
        "c09ddc2e0104f800e3e1bb4652583d1f", "01eb6a29a5c4d8edb30b56adad9bb3a2a0535338e480724a213e0acfd2d1c73c", 176
    ),
    "u2net": Model(
        "60024c5c889badc19c04ad937298a77b", "8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491", 176
    ),
    "u2netp": Model(
        "8e83ca70e441ab06c318d82300c84806", "309c8469258dda742793dce0ebea8e6dd393174f89934733ecc8b14c76f4ddd8", 5
    ),
    "silueta": Model("55e59e0d8062d2f5d013f4725ee84782", None, 44),
    "isnet-general-use": Model("fc16ebd8b0c10d971d3513d564d01e29", None, 179),
}
"""By rembg's name. All are under the Apache License 2.0: U-2-Net and DIS by Xuebin Qin et al."""

_SENDS = "it sends photos to a company's servers, which charges for them"
_OWN = "name the .onnx file itself, which must have u2net's inputs and outputs"
_SLOW = (
    "it is free (MIT), but computes at 1024x1024, many times as long as u2net, and nobody has tried it with masktune"
)

REFUSED = {
    "bria-rmbg": "its licence asks for a paid agreement wherever it is used commercially",
    "isnet-anime": "it is made for drawn characters, not for photographs",
    "u2net_cloth_seg": "it tells kinds of clothes apart, not a person from the background",
    "sam": "it has to be shown by points or boxes what to keep",
    "withoutbg": _SENDS,
    "atlascloud": _SENDS,
    **dict.fromkeys(("u2net_custom", "dis_custom", "ben_custom"), _OWN),
    **dict.fromkeys(
        (
            "birefnet-general",
            "birefnet-general-lite",
            "birefnet-general-fp16",
            "birefnet-portrait",
            "birefnet-dis",
            "birefnet-hrsod",
            "birefnet-cod",
            "birefnet-massive",
        ),
        _SLOW,
    ),
}
"""rembg's other names, and why a store's background does not go by them."""
