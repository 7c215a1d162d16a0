"""What an exported SVG shows, small enough to keep: its rows as text, and one digest of all inks and grounds."""

import hashlib
import html
import json
import re
from dataclasses import dataclass

CELL = 12.2  # width of a cell in the exported picture
_CLASS = re.compile(r"\.terminal-\w+-(r\d+) \{\s*(.*?)\s*\}")
_TEXT = re.compile(r'<text class="terminal-\w+-(r\d+)" x="([\d.]+)"[^>]*line-(\d+)\)">(.*?)</text>')
_RECT = re.compile(r'<rect fill="(#\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)"')


@dataclass(frozen=True)
class Seen:
    rows: tuple[str, ...]
    digest: str


def seen(svg: str, height: int) -> Seen:
    """Text of every row, and sha256 (16 hex) over where which style lies; random ids are left out."""
    inks = dict(_CLASS.findall(svg))
    rows: list[dict[int, str]] = [{} for _ in range(height)]
    styles: list[tuple[object, ...]] = []
    for name, x, line, text in _TEXT.findall(svg):
        column, shown = round(float(x) / CELL), html.unescape(text).replace("\xa0", " ")
        if int(line) < height:
            rows[int(line)][column] = shown
            styles.append(("ink", int(line), column, len(shown), inks[name]))
    for fill, x, y, wide in _RECT.findall(svg):
        styles.append(("ground", float(y), float(x), float(wide), fill))
    digest = hashlib.sha256(json.dumps(sorted(styles, key=str)).encode()).hexdigest()[:16]
    return Seen(tuple(_row(parts) for parts in rows), digest)


def _row(parts: dict[int, str]) -> str:
    text = ""
    for column, shown in sorted(parts.items()):
        text = text.ljust(column) + shown
    return text.rstrip()
