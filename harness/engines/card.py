"""The GPU of this machine."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.core.errors import SettingError
from harness.engines.local import start_server

if TYPE_CHECKING:
    from harness.training.device import Card


@lru_cache
def find_card() -> "Card":
    """Return the GPU of this machine, asked in a process that ends: only workers hold it.

    SettingError if it is busy or broken. Asked once, since later the workers may have it for themselves.
    """
    from harness.training.device import Card, card_or_words

    start_server()
    with ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as pool:
        found = pool.submit(card_or_words).result()
    if not isinstance(found, Card):
        raise SettingError(found)
    return found
