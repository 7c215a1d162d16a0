"""In the process of a browser session: it ends with its server, however that ends.

The server holds the other end of this process's standard input. When that closes, by an orderly end or by kill -9, the
process leaves as on a SIGTERM, which gives its claim back, and is killed `GRACE_SECONDS` later if it is still there.
"""

import os
import select
import signal
import sys
import threading
import time

DRIVER = "textual.drivers.web_driver:WebDriver"
GRACE_SECONDS = 5.0


def leave_with_server() -> None:
    """Watches standard input for its end, beside the app that reads it."""
    threading.Thread(target=_watch, args=(sys.stdin.fileno(),), daemon=True, name="lifeline").start()


def _watch(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, 0)  # no event but the other side's end: what comes in is the app's to read
    poll.poll()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
