"""How `python tune_main.py` says to a shell how it ended. 0 is a search that has ended, or has spent its budget."""

from tuning.signals import INTERRUPTED, TERMINATED

__all__ = ["ERROR", "INTERRUPTED", "TERMINATED", "TRIALS_FAILED"]

ERROR = 2
"""Nothing was begun, or most trials failed; a line says why."""

TRIALS_FAILED = 3
"""The search has ended, and trials failed in it that did not diverge."""
