"""What was loaded before the interface stays as long as the interface: Python's collector need not look at it again.

A full collection looks at every object there is. With the program's modules among them it took 120 ms, between a key
and its page; without them 25 ms (`docs/review.md`).
"""

import gc


def keep_what_is_loaded() -> None:
    """Called once, before anybody signs in, so that nothing of a session is kept."""
    gc.collect()
    gc.freeze()
