"""Words that people give and other people read: one printable line, so that no terminal is steered by them."""

from matcher.errors import BadInput

LONGEST = 500


def check_line(what: str, text: str) -> str:
    """`text`, if it is one line of at most 500 printable characters. Raises BadInput naming `what`.

    Control characters, newlines, bidi overrides and other format characters are not printable (Unicode Cc, Cf, Zl, Zp).
    """
    if len(text) > LONGEST:
        raise BadInput(f"{what} is longer than {LONGEST} characters")
    if not text.isprintable():
        raise BadInput(f"{what} holds a character that cannot be printed (a control or direction character, a newline)")
    return text
