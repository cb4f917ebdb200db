"""A model that was taken away from its search: python -m ensemble.export writes one, `load` loads it."""

from ensemble.model.load import load
from ensemble.model.model import Model

__all__ = ["Model", "load"]
