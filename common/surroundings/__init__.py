"""What a program needs around it, made sure of before it begins: streams that it can write to, and a home."""

from __future__ import annotations

from common.surroundings import home, streams


def settle() -> None:
    """Make sure of them for this process and those that it starts.

    Raises:
        OptionError: nothing can be written where temporary files go.
    """
    streams.open_all()
    home.name_the_user()
    home.find_one()
