"""How long a test waits for what it started: no promise of speed, only an end for what will never come."""

HANGS = 1200.0
"""Seconds after which something hangs, however busy the machine is: four times what any of it has ever taken."""
