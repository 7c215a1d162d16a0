"""Our own themes: dark, light and monochrome. Every pair in PAIRS has a contrast of 4.5:1 or more (WCAG 2.2, 1.4.3)."""

from textual.theme import Theme

DARK, LIGHT, MONOCHROME = "matcher-dark", "matcher-light", "matcher-monochrome"

_DARK = {
    "paper": "#11151a", "bar": "#1d242c", "ink": "#e8ebee", "muted": "#a9b3bd", "mark": "#8ecbff",
    "mark-ink": "#0a1c2b", "good": "#86d6a4", "warn": "#f2cb7d", "bad": "#ffa196", "rule": "#3d4854",
}  # fmt: skip
_LIGHT = {
    "paper": "#fbfbf8", "bar": "#e9e9e3", "ink": "#1a1e22", "muted": "#4b535a", "mark": "#0b4f8c",
    "mark-ink": "#ffffff", "good": "#1d6538", "warn": "#734b00", "bad": "#9d1f1a", "rule": "#b4b6ae",
}  # fmt: skip
_MONOCHROME = {
    "paper": "#000000", "bar": "#222222", "ink": "#ffffff", "muted": "#c6c6c6", "mark": "#ffffff",
    "mark-ink": "#000000", "good": "#ffffff", "warn": "#ffffff", "bad": "#ffffff", "rule": "#6a6a6a",
}  # fmt: skip

PALETTES = {DARK: _DARK, LIGHT: _LIGHT, MONOCHROME: _MONOCHROME}
TITLES = {DARK: "Dark", LIGHT: "Light", MONOCHROME: "Monochrome"}

PAIRS = (
    *((ink, ground) for ink in ("ink", "muted", "mark", "good", "warn", "bad") for ground in ("paper", "bar")),
    ("mark-ink", "mark"),
)


def themes() -> list[Theme]:
    """The themes that the app registers; it offers no others."""
    return [_theme(name, palette) for name, palette in PALETTES.items()]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of two #rrggbb colours, 1 to 21 (WCAG 2.2)."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _theme(name: str, palette: dict[str, str]) -> Theme:
    paper, bar, ink, mark, mark_ink = (palette[key] for key in ("paper", "bar", "ink", "mark", "mark-ink"))
    return Theme(
        name=name,
        primary=mark,
        secondary=palette["muted"],
        accent=mark,
        foreground=ink,
        background=paper,
        surface=paper,
        panel=bar,
        success=palette["good"],
        warning=palette["warn"],
        error=palette["bad"],
        dark=name != LIGHT,
        text_alpha=1.0,
        variables={
            **palette,
            "text": ink,
            "text-muted": palette["muted"],
            "text-disabled": palette["muted"],
            "foreground-muted": palette["muted"],
            "foreground-disabled": palette["muted"],
            "block-cursor-background": mark,
            "block-cursor-foreground": mark_ink,
            "block-cursor-text-style": "none",
            "block-cursor-blurred-background": bar,
            "block-cursor-blurred-foreground": ink,
            "block-cursor-blurred-text-style": "none",
            "block-hover-background": bar,
            "border": palette["rule"],
            "border-blurred": palette["rule"],
            "footer-background": bar,
            "footer-foreground": palette["muted"],
            "footer-description-foreground": palette["muted"],
            "footer-description-background": bar,
            "footer-key-foreground": ink,
            "footer-key-background": bar,
            "footer-item-background": bar,
            "input-cursor-background": ink,
            "input-cursor-foreground": paper,
            "input-selection-background": mark,
            "scrollbar": palette["rule"],
            "scrollbar-hover": palette["muted"],
            "scrollbar-active": mark,
            "scrollbar-background": paper,
            "scrollbar-corner-color": paper,
            "scrollbar-background-hover": paper,
            "scrollbar-background-active": paper,
        },
    )
