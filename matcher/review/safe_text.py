"""Text from elsewhere, made harmless for a terminal.

1. The text is NFC.
2. Every character of the categories Cc, Cf, Cs, Co, Cn, Zl and Zp (control, format with the bidi overrides, surrogate,
   private, unassigned, line and paragraph separators) becomes U+FFFD, one for one.
3. One line is at most 80 cells and 160 characters (combining marks have no width); a cut is shown by an ellipsis.
"""

import unicodedata

MAX_CELLS = 80
MAX_CHARACTERS = 160
HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
MARK = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


def safe_display(text: str, cells: int = MAX_CELLS) -> str:
    """One harmless line of at most `cells` cells, for a name, a note, a case or a file name."""
    shown = neutralise(unicodedata.normalize("NFC", text[: 4 * MAX_CHARACTERS]))
    if _width(shown) <= cells and len(shown) <= MAX_CHARACTERS:
        return shown
    kept, used = [], 0
    for character in shown[: MAX_CHARACTERS - 1]:
        used += _width(character)
        if used > cells - 1:
            break
        kept.append(character)
    return "".join(kept) + ELLIPSIS


def safe_lines(text: str) -> str:
    """Several harmless lines; only the line feed survives. As long as `text`, so that style spans keep fitting."""
    return "\n".join(neutralise(line) for line in text.split("\n"))


def neutralise(text: str) -> str:
    """Rule 2 alone; the result is as long as `text`."""
    return "".join(MARK if unicodedata.category(character) in HARMFUL else character for character in text)


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
