"""What reaches a person: weights without colours in the interface, whole lines of errors, local times."""

from rich.text import Text

from matcher.cli.output import local_text, styled


def test_a_styled_page_keeps_weights_and_drops_colours() -> None:
    shown = styled(Text.assemble(("CERTIFIED", "bold green"), " and more words than fit"), width=20)
    assert all(len(line) <= 20 for line in shown.plain.split("\n"))
    styles = [span.style for span in shown.spans if span.style]
    assert any(getattr(style, "bold", False) for style in styles)
    assert not any(getattr(style, "color", None) for style in styles)


def test_times_are_local_with_their_offset() -> None:
    assert local_text("2026-11-24T12:00:00.000000Z")[-5:][0] in "+-"
