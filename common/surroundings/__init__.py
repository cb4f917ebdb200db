"""What a program needs around it, made sure of before it begins: streams that it can write to, a home, and a
quick start."""

from __future__ import annotations

from common.surroundings import garbage, home, streams


def settle() -> None:
    """Make sure of them for this process and those that it starts.

    Raises:
        OptionError: nothing can be written where temporary files go.
    """
    garbage.look_seldom()
    streams.open_all()
    home.name_the_user()
    home.find_one()
