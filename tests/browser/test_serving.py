"""`matcher serve` over HTTP, without a browser: who gets in, what a session's process knows, and how it ends."""

import asyncio
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.browser.serving import Serving, alive, serving, wait_for
from tests.cli.runner import Cli
from tests.fakes.waiting_home import PASSPHRASE, waiting_home
from tests.tui.line.test_line_mode import claimed, judgements

aiohttp = pytest.importorskip("aiohttp")
pytest.importorskip("textual_serve")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return waiting_home(tmp_path)


@asynccontextmanager
async def client(server: Serving, enter: bool = True) -> AsyncIterator["aiohttp.ClientSession"]:
    jar = aiohttp.CookieJar(unsafe=True)  # an address without a name
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        if enter:
            async with session.get(server.address) as answer:
                assert answer.status == 200
        yield session


class Session:
    """A terminal's end of the websocket."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse") -> None:
        self.socket, self.said = socket, ""

    async def until(self, text: str) -> None:
        deadline = time.monotonic() + 60
        while text not in self.said:
            assert time.monotonic() < deadline, f"never said: {text}\n{self.said[-500:]}"
            message = await self.socket.receive(timeout=30)
            assert message.type is aiohttp.WSMsgType.BINARY, (message, self.said[-500:])
            self.said += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", message.data.decode("utf-8", "replace"))

    async def type(self, text: str) -> None:
        await self.socket.send_json(["stdin", text])

    async def claim(self) -> None:
        """Signs ana in and opens the first alert."""
        await self.until("cleo")  # the names came, and with them the cursor
        await asyncio.sleep(0.5)
        await self.type(PASSPHRASE)
        await self.type("\r")
        await self.until("stay closed until")
        await self.type("\r")
        await self.until("STAGE")


@asynccontextmanager
async def session(http: "aiohttp.ClientSession", server: Serving) -> AsyncIterator[Session]:
    address = f"{server.base}/ws?width=120&height=40"
    async with http.ws_connect(address, headers={"Origin": server.base}, max_msg_size=0) as socket:
        yield Session(socket)


async def test_only_the_token_opens_and_only_once(home: Path) -> None:
    with serving(home) as server:
        paths = ("/", "/ws", "/page.css", "/page.js", "/static/js/textual.js", "/download/x", "/?token=", "/?token=x")
        async with client(server, enter=False) as http:
            for path in paths:
                async with http.get(server.base + path) as answer:
                    assert answer.status == 403, path
            for wrong in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
                async with http.get(server.address, headers=wrong) as answer:
                    assert answer.status == 403, wrong
            async with http.get(server.address) as answer:
                assert answer.status == 200
                flags = answer.headers["Set-Cookie"]
            assert {"HttpOnly", "SameSite=Strict"} <= set(flags.split("; "))
            assert "Domain" not in flags
        async with client(server, enter=False) as another, another.get(server.address) as answer:
            assert answer.status == 403
        said = server.end(signal.SIGTERM)
    token = server.address.partition("token=")[2]
    assert token not in said  # it was said once, in the line that was read


async def test_every_answer_forbids_what_comes_from_elsewhere(home: Path) -> None:
    with serving(home) as server:
        async with client(server) as http:
            for path in ("/", "/static/js/textual.js", "/static/", "/nothing"):
                async with http.get(server.base + path) as answer:
                    assert answer.headers["Cache-Control"] == "no-store", path
                    assert answer.headers["Referrer-Policy"] == "no-referrer"
                    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            async with http.get(f"{server.base}/?fontsize=8") as answer:
                page = await answer.text()
        assert 'data-font-size="8"' in page
        assert set(re.findall(r"(?:https?|wss?)://[^/\"]+", page)) == {server.base.replace("http", "ws")}


async def test_it_listens_on_loopback_only(home: Path) -> None:
    with serving(home) as server:
        port = int(server.base.rpartition(":")[2])
        found = [
            line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
        ]
        assert [address for address in found if int(address.rpartition(":")[2], 16) == port] == [f"0100007F:{port:04X}"]
        six = Path("/proc/net/tcp6").read_text() if Path("/proc/net/tcp6").exists() else ""
        assert f":{port:04X} 00000000000000000000000000000000:0000 0A" not in six


async def test_the_process_of_a_session_knows_no_secret(home: Path) -> None:
    with serving(home, "--user", "ana", MATCHER_PASSPHRASE="kept from it", AWS_SECRET="kept too") as server:
        async with client(server) as http, session(http, server) as tab:
            await tab.until("Passphrase")
            (child,) = server.children()
            token = server.address.partition("token=")[2]
            for pid in (child, server.process.pid):
                words = Path(f"/proc/{pid}/cmdline").read_text()
                assert token not in words
                assert "sh" not in words.split("\0")[0].split("/")
            variables = Path(f"/proc/{child}/environ").read_text()
            assert "kept" not in variables
            assert token not in variables
            assert str(home) in Path(f"/proc/{child}/cmdline").read_text()


async def test_a_websocket_needs_cookie_and_origin(home: Path) -> None:
    with serving(home) as server:
        async with client(server) as http:
            for origin in ({}, {"Origin": "http://evil.example"}):
                with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                    await http.ws_connect(f"{server.base}/ws", headers=origin)
        async with client(server, enter=False) as http:
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await http.ws_connect(f"{server.base}/ws", headers={"Origin": server.base})
        assert not server.children()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_children_end_with_the_server_and_give_their_claims_back(home: Path, how: signal.Signals) -> None:
    with serving(home, "--user", "ana") as server:
        async with client(server) as http, session(http, server) as tab:
            await tab.claim()
            assert claimed(home) == ["ana"]
            await tab.type("d")  # chosen, and never committed
            (child,) = server.children()
            server.end(how)
            wait_for(lambda: not alive(child), "the child ends", 10)
    assert not claimed(home)
    assert not judgements(home)


async def test_a_session_ends_with_its_tab_and_the_next_one_waits_for_that(home: Path) -> None:
    with serving(home, "--user", "ana") as server:
        async with client(server) as http:
            async with session(http, server) as tab:
                await tab.claim()
                (first,) = server.children()
                second = asyncio.create_task(
                    http.ws_connect(f"{server.base}/ws", headers={"Origin": server.base}, max_msg_size=0)
                )
                await asyncio.sleep(0.5)
                assert not second.done()
                assert server.children() == [first]
            tab = Session(await second)
            await tab.until("Passphrase")
            assert not alive(first)
            assert not claimed(home)
            await tab.socket.close()


async def test_what_a_tab_sends_amiss_ends_its_session_only(home: Path) -> None:
    with serving(home) as server:
        async with client(server) as http:
            for amiss in ("no json", "[]", '["resize", 3]', '["resize", {"width": "x", "height": null}]'):
                async with session(http, server) as tab:
                    await tab.until("Passphrase")
                    await tab.socket.send_str(amiss)
                    while (await tab.socket.receive(timeout=20)).type is aiohttp.WSMsgType.BINARY:
                        pass
            async with session(http, server) as tab:
                await tab.until("Passphrase")
        said = server.end(signal.SIGTERM)
    assert "a request failed" in said
    assert "no json" not in said


async def test_a_taken_session_is_refused_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    from aiohttp import web

    from matcher.tui.browser import server as served
    from matcher.tui.browser.gate import COOKIE, Gate

    monkeypatch.setattr(served, "WAIT_SECONDS", 0.2)
    gate = Gate(used=True)
    words = [sys.executable, "-c", "import sys; print('__GANGLION__', flush=True); sys.stdin.read()"]
    runner = web.AppRunner(await served.BrowserServer(words, gate).make_app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    headers = {"Origin": base, "Cookie": f"{COOKIE}={gate.cookie}"}
    async with aiohttp.ClientSession() as http, http.ws_connect(f"{base}/ws", headers=headers):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="409"):
            await http.ws_connect(f"{base}/ws", headers=headers)
    await runner.cleanup()


def test_a_browser_session_is_not_started_by_hand(home: Path) -> None:
    cli = Cli(home)
    assert cli("browser-session").code == 2
    assert cli("browser-session", TEXTUAL_DRIVER="textual.drivers.web_driver:WebDriver").code == 2
    assert cli("serve", "--json").code == 2
    assert "browser-session" not in cli("--help").out


def test_without_the_extra_it_says_what_to_install(home: Path) -> None:
    code = (
        "import sys\nsys.modules['textual_serve'] = None\nfrom matcher.cli.main import main\n"
        f"sys.argv = ['matcher', 'serve', '--home', {str(home)!r}]\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'watchlist-matcher[serve]'" in done.stderr


def test_a_port_that_is_taken(home: Path) -> None:
    with serving(home) as server:
        port = server.base.rpartition(":")[2]
        result = Cli(home)("serve", "--port", port)
    assert result.code == 74
    assert "give another --port" in result.complaint
