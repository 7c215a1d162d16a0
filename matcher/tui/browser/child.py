"""The process behind one browser session, and how it ends.

1. It is started from a list of words, never by a shell, with the few variables of `INHERITED`: no passphrase, no token.
2. The server asks it to leave, then ends it, then kills it. What it does when the server is gone: `lifeline.py`.
"""

import asyncio
import os
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence

from textual_serve.app_service import AppService

from matcher.tui.browser.lifeline import DRIVER, GRACE_SECONDS

MOST_COLUMNS, MOST_ROWS = 600, 300
INHERITED = (
    "PATH", "HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_TIME", "TZ", "NO_COLOR", "PYTHONPATH",
    "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "MATCHER_CONFIG", "MATCHER_HOME", "MATCHER_MODELS",
    "MATCHER_KERNELS", "MATCHER_IMAGE_MODE", "MATCHER_DATABASE", "PGPASSFILE",
)  # fmt: skip


class BrowserChild(AppService):
    """One app process, spoken to by textual-serve's protocol; `words` start it."""

    words: Sequence[str] = ()

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        return environment(os.environ, width, height)

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        self._process = process = await asyncio.create_subprocess_exec(
            *self.words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._build_environment(width, height),
            start_new_session=True,  # Ctrl-C is the server's to pass on
        )
        # Its standard error is ours, so that a refusal is read where the server was started; the base class reads one.
        process.stderr = asyncio.StreamReader()
        process.stderr.feed_eof()
        if process.stdin is None:
            raise RuntimeError("a process with a pipe has none")
        self._stdin = process.stdin
        return process

    async def set_terminal_size(self, width: int, height: int) -> None:
        """A size that a screen can have."""
        await super().set_terminal_size(*sane_size(width, height))

    async def on_meta(self, data: bytes) -> None:
        """The app opens no address and hands out no file: it ends, and nothing else."""
        if b'"exit"' in data:
            await self.remote_close()

    async def on_packed(self, payload: bytes) -> None:
        """Nothing is delivered."""

    async def stop(self) -> None:
        """Ends the process (rule 2) and waits until it is gone."""
        process, task = self._process, self._task
        if process is None or task is None:
            return
        self._task = None
        await self.send_meta({"type": "quit"})
        for end in (process.terminate, process.kill):
            if await _gone(process):
                break
            end()
        await process.wait()
        self.stdin.close()
        await task


def environment(ours: Mapping[str, str], width: int, height: int) -> dict[str, str]:
    """The child's variables (rule 1)."""
    width, height = sane_size(width, height)
    return {name: ours[name] for name in INHERITED if name in ours} | {
        "TEXTUAL_DRIVER": DRIVER,
        "TEXTUAL_COLOR_SYSTEM": "truecolor",
        "COLUMNS": str(width),
        "ROWS": str(height),
    }


def sane_size(width: int, height: int) -> tuple[int, int]:
    """Columns and rows, within reason."""
    return min(max(width, 1), MOST_COLUMNS), min(max(height, 1), MOST_ROWS)


async def _gone(process: Process) -> bool:
    try:
        await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    except TimeoutError:
        return False
    return True
