"""Whose labels are probably wrong, by networks that have not seen them: `python -m data_prep.suspects`."""
