"""The server of the browser session.

1. It listens on 127.0.0.1 and nowhere else: there is nothing to choose.
2. Every request passes the gate (`gate.py`) before anything of it is looked at.
3. One session at a time: another tab waits `WAIT_SECONDS` for the first to end, then is told that it is taken.
4. Nothing is logged: no address, no message, no error's text. When the server ends, its children end.
"""

import asyncio
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from aiohttp import web
from textual_serve.server import Server

from matcher.errors import StorageFailed
from matcher.tui.browser import pages
from matcher.tui.browser.child import BrowserChild
from matcher.tui.browser.gate import COOKIE, Gate, from_here, headers

LOOPBACK = "127.0.0.1"
WAIT_SECONDS = 15.0
MOST_MESSAGE_BYTES = 65_536

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class BrowserServer(Server):
    """textual-serve's server behind the gate, with pages of our own. `words` start a session's process."""

    def __init__(self, words: Sequence[str], gate: Gate) -> None:
        super().__init__("", host=LOOPBACK)
        self._words, self._gate = tuple(words), gate
        self._taken = asyncio.Lock()
        self._sessions: set[asyncio.Future[web.StreamResponse]] = set()

    async def make_app(self) -> web.Application:
        """Routes; the base class's downloads, index and lists of files are not among them."""
        app = web.Application(middlewares=[self._guard], client_max_size=MOST_MESSAGE_BYTES)
        app.add_routes([
            web.get("/", self._index),
            web.get("/page.css", self._style),
            web.get("/page.js", self._script),
            web.get("/ws", self._websocket),
            web.static("/static", self.statics_path),
        ])  # fmt: skip
        app.on_shutdown.append(self._end_sessions)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        host = request.headers.get("Host", "")
        if not from_here(host, request.headers.get("Origin")):
            return web.Response(status=HTTPStatus.FORBIDDEN)
        if request.path == "/" and self._gate.exchange(request.query.get("token", "")):
            answer: web.StreamResponse = _html(pages.entered())
            answer.set_cookie(COOKIE, self._gate.cookie, httponly=True, samesite="Strict", path="/")
        elif self._gate.knows(request.cookies):
            try:
                answer = await handler(request)
            except web.HTTPException as refusal:
                answer = web.Response(status=refusal.status)
        else:
            answer = _html(pages.refused(), HTTPStatus.FORBIDDEN)
        if not answer.prepared:
            answer.headers.update(headers(host))
        return answer

    async def _index(self, request: web.Request) -> web.StreamResponse:
        size = pages.font_size(request.query.get("fontsize", ""))
        return _html(pages.terminal(request.headers["Host"], size))

    async def _style(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=pages.style(), content_type="text/css")

    async def _script(self, request: web.Request) -> web.StreamResponse:
        return web.Response(text=pages.script(), content_type="text/javascript")

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Origin") is None:  # a browser always says which page opens a websocket
            return web.Response(status=HTTPStatus.FORBIDDEN)
        session = asyncio.ensure_future(self._alone(request))
        self._sessions.add(session)
        session.add_done_callback(self._sessions.discard)
        return await session

    async def _alone(self, request: web.Request) -> web.StreamResponse:
        try:
            await asyncio.wait_for(self._taken.acquire(), WAIT_SECONDS)
        except TimeoutError:
            return web.Response(status=HTTPStatus.CONFLICT)
        try:
            return await self._session(request)
        finally:
            self._taken.release()

    async def _session(self, request: web.Request) -> web.StreamResponse:
        websocket = web.WebSocketResponse(heartbeat=15, timeout=2, max_msg_size=MOST_MESSAGE_BYTES)
        await websocket.prepare(request)

        async def close() -> None:
            await websocket.close()

        child = BrowserChild(
            "",
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=close,
            download_manager=self.download_manager,
        )
        child.words = self._words
        try:
            await child.start(_number(request, "width", 80), _number(request, "height", 24))
            await self._process_messages(websocket, child)
        finally:
            await child.stop()
            await close()
        return websocket

    async def _end_sessions(self, app: web.Application) -> None:
        for task in tuple(self._sessions):
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)


async def serve(words: Sequence[str], port: int, tell: Callable[[str], None]) -> None:
    """Serves until SIGINT, SIGTERM or SIGHUP; `tell` gets the address with its token. Raises StorageFailed."""
    _say_kinds_of_errors_only(tell)
    gate, ended = Gate(), asyncio.Event()
    for signal_ in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(signal_, ended.set)
    runner = web.AppRunner(await BrowserServer(words, gate).make_app(), access_log=None, handle_signals=False)
    await runner.setup()
    try:
        listening = _listen(port)
        await web.SockSite(runner, listening, shutdown_timeout=1).start()
        tell(f"http://{LOOPBACK}:{listening.getsockname()[1]}/?token={gate.token}")
        await ended.wait()
    finally:
        await runner.cleanup()


class _Kinds(logging.Handler):
    """Of what a library logs, only that an error happened and of which kind: its text may hold what was typed."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._tell(f"a request failed ({type(error).__name__ if error else record.name})")


def _say_kinds_of_errors_only(tell: Callable[[str], None]) -> None:
    for name in ("textual-serve", "aiohttp", "asyncio"):
        logger = logging.getLogger(name)
        logger.propagate, logger.handlers = False, [_Kinds(tell)]


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise StorageFailed(
            f"port {port} of {LOOPBACK} cannot be had ({error.strerror}): give another --port"
        ) from None


def _html(text: str, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    return web.Response(text=text, content_type="text/html", status=status)


def _number(request: web.Request, name: str, usual: int) -> int:
    wanted = request.query.get(name, "")
    return int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 6 else usual
