"""The errors a user can cause. Every message says what was wrong, with the value, and what to do.

MasktuneError
├── OptionError      a command-line option
├── ConfigError      a setting of one trial (also a ValueError)
├── SpaceError       a search space
├── LabelError       a labels file: a missing column, a row that cannot be understood
├── PhotoError       a photo that cannot be read
├── UriError         an address (s3://...) that cannot be read or written
├── StoreError       a dataset store
├── DeviceError      a GPU that is missing, or that this torch build has no kernels for
├── WeightsError     pretrained weights that cannot be had
├── CheckpointError  a checkpoint that is damaged or of another trial
├── DivergedError    a trial whose loss is no longer a finite number
├── ReportError      a trial whose score is no number
├── SearchError      a search folder
├── EnsembleError    a search that no ensemble can be made of
└── ModelError       a model that was taken away from its search
"""

from __future__ import annotations


class MasktuneError(Exception):
    """All of them derive from it: the command line prints its message on one line and exits with 2."""


class OptionError(MasktuneError):
    pass


class ConfigError(MasktuneError, ValueError):
    pass


class SpaceError(MasktuneError):
    pass


class LabelError(MasktuneError):
    pass


class PhotoError(MasktuneError):
    pass


class UriError(MasktuneError):
    pass


class StoreError(MasktuneError):
    pass


class DeviceError(MasktuneError):
    pass


class WeightsError(MasktuneError):
    pass


class CheckpointError(MasktuneError):
    pass


class DivergedError(MasktuneError):
    pass


class ReportError(MasktuneError):
    pass


class SearchError(MasktuneError):
    pass


class EnsembleError(MasktuneError):
    pass


class ModelError(MasktuneError):
    pass
