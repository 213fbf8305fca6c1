"""The one error that users see, and the habit of offering the nearest choices."""

from collections.abc import Iterable
from difflib import get_close_matches


class SettingError(ValueError):
    """Something the user wrote or supplied is wrong; the message names the place and the remedy.

    The command line prints it as one line and exits with 2, without a traceback.
    """


def choices(wrong: str, valid: Iterable[object]) -> str:
    """Return 'did you mean X? choose from ...' with the names nearest to `wrong` first."""
    names = [str(name) for name in valid]
    if not names:
        return "there is none to choose from"
    near = get_close_matches(str(wrong), names, n=3, cutoff=0.5)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}choose from {', '.join(near + [name for name in sorted(names) if name not in near])}"
