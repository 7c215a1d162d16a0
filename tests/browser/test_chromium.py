"""The review in headless Chromium, where there is one: nothing is asked of another address, and a judgement is made."""

import asyncio
import re
import signal
from pathlib import Path

import pytest

pytest.importorskip("aiohttp")
pytest.importorskip("textual_serve")

from PIL import Image

from tests.browser.chromium import found, page
from tests.browser.serving import alive, serving, wait_for
from tests.fakes.waiting_home import PASSPHRASE, waiting_home
from tests.tui.line.test_line_mode import judgements

pytestmark = pytest.mark.skipif(found() is None, reason="no Chromium here")


async def test_a_judgement_in_a_browser(tmp_path: Path) -> None:
    home = waiting_home(tmp_path)
    with serving(home, "--user", "ana") as server:
        async with page(tmp_path / "profile") as tab:
            await tab.open(server.address)
            await tab.until(lambda: "cleo" in tab.said, "names to sign in by")
            await asyncio.sleep(0.5)
            await tab.type(PASSPHRASE)
            await tab.key("Enter", 13)
            await tab.until(lambda: "stay closed until" in tab.said, "queue")
            await tab.key("Enter", 13)
            await tab.until(lambda: re.search(r"face \d+ px", tab.said) is not None, "faces")
            await tab.until(lambda: "fontsize=9" in tab.said, "what makes faces larger in a browser")
            await tab.picture(tmp_path / "compare.png")
            await tab.type("d")
            await tab.until(lambda: "DIFFERENT" in tab.said, "a choice")
            await tab.key("Enter", 13)
            wait_for(lambda: bool(judgements(home)), "a judgement", 20)
            assert await tab.value("document.cookie") == ""
            assert await tab.value("location.href") == f"{server.base}/"
            asked = {address.split("://")[1].split("/")[0] for address in tab.asked if not address.startswith("data:")}
            assert asked == {server.base.partition("://")[2]}
            assert not tab.complaints
            children = server.children()
            assert len(children) == 1
            server.end(signal.SIGKILL)
            wait_for(lambda: not any(map(alive, children)), "children end", 10)
    (made,) = judgements(home)
    assert made.judgement.mode == "half block"
    assert made.terminal.startswith("browser on ")
    assert made.judgement.face_pixels > 20
    with Image.open(tmp_path / "compare.png") as shown:
        colours = shown.convert("RGB").resize((140, 90)).getcolors(20_000)
    assert colours is not None
    assert len(colours) > 300  # faces, not an empty terminal
