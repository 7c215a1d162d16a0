"""A document of sections: headings, paragraphs, tables and figures, as one HTML file that asks nobody for anything.

1. No script, no network, no font, no image file: one style sheet and inline SVG; a content policy forbids the rest.
2. Every figure stands beside a table with its numbers, so nothing is told by a drawing alone.
3. Words that come from data are escaped, and control characters in them are made visible.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matcher.report.wording import safe

STYLE = """
:root{color-scheme:light}
body{font:16px/1.5 system-ui,sans-serif;color:#111;background:#fff;max-width:56rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.25rem;margin-top:2.5rem;border-top:1px solid #999;padding-top:1rem}
.verdict{font-size:1.15rem;border:3px solid #111;padding:1rem}
table{border-collapse:collapse;font-size:.875rem;margin:.75rem 0;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.25rem 0}
th,td{border-bottom:1px solid #bbb;padding:.2rem .6rem;text-align:right;vertical-align:top}
td{white-space:nowrap}td.w{white-space:normal}
th:first-child,td:first-child,td.w,th.w{text-align:left}thead th{border-bottom:2px solid #111}
figure{margin:1rem 0;overflow-x:auto}figcaption{font-size:.875rem}code{overflow-wrap:anywhere;font-size:.85em}
svg{max-width:100%;height:auto;font:12px system-ui,sans-serif}
.axis{stroke:#111;stroke-width:1}.grid{stroke:#ddd;stroke-width:1}.main{stroke:#111;stroke-width:1.6;fill:none}
.limit{stroke:#111;stroke-width:2.5;fill:none}.whisker{stroke:#111;stroke-width:1.4}.bound{stroke:#888;stroke-width:1.2;fill:none}.mark{fill:#111;stroke:#111}
.hollow{fill:#fff;stroke:#111;stroke-width:1.4}.band{fill:#777;fill-opacity:.22;stroke:none}.cell{stroke:#fff}
.bar{fill:#999;stroke:#555}.outline{fill:none;stroke:#111;stroke-width:1.6}.words{fill:#111}.pale{fill:#fff}
@media print{h2{break-after:avoid}figure,table{break-inside:avoid}}
""".strip().replace("\n", "")
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Table:
    """A caption, column heads and rows of text; columns in `words` are set left, the others right."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int] = frozenset({0})


@dataclass(frozen=True, slots=True)
class Figure:
    """An SVG element, what it shows, and its numbers."""

    svg: str
    caption: str
    table: Table


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it; `code` are lines to copy."""

    heading: str
    paragraphs: tuple[str, ...] = ()
    blocks: tuple[Table | Figure, ...] = ()
    code: tuple[str, ...] = ()


def document(title: str, verdict: str, sections: Sequence[Section]) -> str:
    """The HTML file."""
    body = "".join(_section(place, section) for place, section in enumerate(sections))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{safe(title)}</title><style>{STYLE}</style></head>"
        f'<body><main><h1>{safe(title)}</h1><p class="verdict">{safe(verdict)}</p>{body}</main></body></html>\n'
    )


def _section(place: int, section: Section) -> str:
    parts = [f'<section aria-labelledby="s{place}"><h2 id="s{place}">{safe(section.heading)}</h2>']
    parts += [f"<p>{safe(text)}</p>" for text in section.paragraphs]
    parts += [_figure(block) if isinstance(block, Figure) else _table(block) for block in section.blocks]
    parts += [f"<p><code>{safe(line)}</code></p>" for line in section.code]
    return "".join(parts) + "</section>\n"


def _figure(figure: Figure) -> str:
    return (
        f"<figure>{figure.svg}<figcaption>{safe(figure.caption)}</figcaption></figure>"
        f"<details open><summary>The same as a table</summary>{_table(figure.table)}</details>"
    )


def _table(table: Table) -> str:
    def row(cells: Sequence[str], kind: str) -> str:
        if kind == "th":
            made = (f'<th scope="col"{_left(table, i)}>{safe(cell)}</th>' for i, cell in enumerate(cells))
        else:
            made = (
                f'<th scope="row">{safe(cell)}</th>' if i == 0 else f"<td{_left(table, i)}>{safe(cell)}</td>"
                for i, cell in enumerate(cells)
            )
        return f"<tr>{''.join(made)}</tr>"

    rows = "".join(row(cells, "td") for cells in table.rows)
    return (
        f"<table><caption>{safe(table.caption)}</caption><thead>{row(table.heads, 'th')}</thead>"
        f"<tbody>{rows}</tbody></table>"
    )


def _left(table: Table, column: int) -> str:
    return ' class="w"' if column in table.words else ""
