"""What a search may vary: data only, one file per space (see docs/spaces.md, "Add a space").

A space file holds
    SPACE  flat key -> Optuna distribution,
    FIXED  flat key -> value, where the space needs other than the reference recipe,
    START  points tried first: complete, in range, the reference recipe first,
and a docstring: what varies and why on its first line, then the command.
"""
