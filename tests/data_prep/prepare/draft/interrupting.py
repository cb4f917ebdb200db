"""A store that is interrupted while it is made."""

from data_prep.prepare import parts


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


class Interrupted(Exception):
    pass


def stop_after(monkeypatch, photos, error=Interrupted):
    """The photo after so many raises; returns how many were read, in a list of one."""
    read, treat = [0], module_treat

    def limited(photo, *arguments, **options):
        read[0] += 1
        if read[0] > photos:
            raise error
        return treat(photo, *arguments, **options)

    monkeypatch.setattr(parts, "treat", limited)
    return read


module_treat = parts.treat
