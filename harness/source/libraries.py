"""Installed packages: their versions, which can change a number."""

from functools import lru_cache
from importlib import metadata


@lru_cache
def version(library: str) -> str:
    """Return the version of what is imported under a name; without importing it, as that may take seconds.

    Empty if it is of no installed package.
    """
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        found = metadata.packages_distributions().get(library, [])
        return " ".join(f"{name} {metadata.version(name)}" for name in sorted(set(found)))
