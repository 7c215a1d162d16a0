"""Drives the review in headless Chromium over a demo home and leaves pictures to be looked at.

    python -m tests.browser.check_serve HOME FOLDER

HOME is a demo home with waiting alerts (`matcher demo --no-tui --home HOME`). Judges nothing: a choice is made and
undone. Exit code 1 when something was asked of another address, a page complained, or a child outlived its server.
"""

import asyncio
import re
import signal
import sys
import tempfile
from pathlib import Path

from tests.browser.chromium import Page, page
from tests.browser.serving import alive, serving, wait_for

PASSPHRASE = "demo-passphrase"
ENTER, ESCAPE = ("Enter", 13), ("Escape", 27)


def drawn(tab: Page) -> bool:
    """The faces of stage 1 were sent."""
    return "STAGE" in tab.said and re.search(r"face \d+ px", tab.said) is not None


async def tour(tab: Page, address: str, base: str, pictures: Path) -> None:
    await tab.open(address)
    await tab.until(lambda: "rosa" in tab.said, "sign-in screen")
    await tab.picture(pictures / "1-sign-in.png")
    await tab.type(PASSPHRASE)
    await tab.key(*ENTER)
    await tab.until(lambda: "stay closed until" in tab.said, "queue")
    await tab.picture(pictures / "2-queue.png")
    await tab.key(*ENTER)
    await tab.until(lambda: drawn(tab), "compare screen")
    await tab.picture(pictures / "3-compare.png")
    await tab.type("d")
    await tab.until(lambda: "DIFFERENT" in tab.said, "a choice")
    await tab.key(*ESCAPE)
    await tab.key(*ESCAPE)
    tab.said = ""
    await tab.call("Page.navigate", url=f"{base}/?fontsize=9")
    await tab.until(lambda: "rosa" in tab.said, "sign-in screen in small letters")
    await asyncio.sleep(0.5)
    tab.said = ""  # what the session before said last may be in it
    await tab.type(PASSPHRASE)
    await tab.key(*ENTER)
    await tab.until(lambda: "stay closed until" in tab.said, "queue in small letters")
    await tab.key(*ENTER)
    await tab.until(lambda: drawn(tab), "compare screen in small letters")
    await tab.picture(pictures / "4-compare-small-letters.png")


async def run(home: Path, pictures: Path) -> int:
    with tempfile.TemporaryDirectory() as folder, serving(home, "--user", "ravi") as server:
        async with page(Path(folder) / "profile") as tab:
            await tour(tab, server.address, server.base, pictures)
            elsewhere = [one for one in tab.asked if one.split("://")[-1].split("/")[0] != server.base[7:]]
            cookie_seen = await tab.value("document.cookie")
            children = server.children()
            server.end(signal.SIGTERM)
            wait_for(lambda: not any(map(alive, children)), "children end")
            await tab.picture(pictures / "5-ended.png")
    print(f"asked: {len(tab.asked)}, elsewhere: {elsewhere}; complaints: {tab.complaints}; cookie: {cookie_seen!r}")
    print(f"children while serving: {len(children)}, after: {sum(map(alive, children))}; pictures: {pictures}")
    return int(bool(elsewhere or tab.complaints or cookie_seen or len(children) != 1))


if __name__ == "__main__":
    target = Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    sys.exit(asyncio.run(run(Path(sys.argv[1]), target)))
