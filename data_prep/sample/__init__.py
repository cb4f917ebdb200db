"""Drawn portraits in the reference task's own layout, with the truth about each of them known."""
