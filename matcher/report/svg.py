"""Drawings as inline SVG: scales, marks and text, and nothing that needs a script, a font or a network.

1. The same values give the same bytes: coordinates have two decimals and identifiers come from the caller.
2. Readable in grey: series differ in dashes and marks; colour carries nothing.
3. Every drawing has a title and a description for screen readers, and stands beside a table with its numbers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from matcher.report.wording import safe

Point = tuple[float, float]
DASHES = ("", "7 3", "2 3", "10 3 2 3", "4 2 1 2 1 2", "1 5", "14 4", "6 2 2 2 2 2")
MARKS = "circle", "square", "triangle", "diamond", "cross"


@dataclass(frozen=True, slots=True)
class Scale:
    """From values low .. high to coordinates start .. end, linear or logarithmic (then low > 0); values are clipped."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        inside = min(max(value, self.low), self.high)
        if self.logarithmic:
            share = math.log(inside / self.low) / math.log(self.high / self.low)
        else:
            share = (inside - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round values to label: powers of ten, or five to ten equal steps."""
        if self.logarithmic:
            first, last = math.ceil(math.log10(self.low) - 1e-9), math.floor(math.log10(self.high) + 1e-9)
            return [10.0**power for power in range(first, last + 1)]
        raw = (self.high - self.low) / 6
        step = next(
            s for s in (10.0 ** math.floor(math.log10(raw)) * m for m in (1, 2, 5, 10)) if s >= raw * (1 - 1e-9)
        )
        first = math.ceil(self.low / step - 1e-9)
        return [step * i for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass(slots=True)
class Drawing:
    """Elements in the order they are drawn; `finished` makes the text."""

    width: int
    height: int
    _parts: list[str] = field(default_factory=list)

    def line(self, start: Point, end: Point, style: str, dash: str = "") -> None:
        """A straight line; `style` is a class of the document's style sheet."""
        (x1, y1), (x2, y2) = start, end
        self._parts.append(
            f'<line class="{style}" x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}"{_dashed(dash)}/>'
        )

    def path(self, points: Sequence[Point], style: str, dash: str = "") -> None:
        """A line through points."""
        if points:
            self._parts.append(f'<polyline class="{style}" points="{_listed(points)}"{_dashed(dash)}/>')

    def area(self, upper: Sequence[Point], lower: Sequence[Point], style: str = "band") -> None:
        """What lies between two lines."""
        if upper:
            self._parts.append(f'<polygon class="{style}" points="{_listed([*upper, *reversed(lower)])}"/>')

    def box(self, corner: Point, size: Point, style: str, shade: float | None = None) -> None:
        """A rectangle; `shade` 0 .. 1 is how dark its grey is."""
        (x, y), (width, height) = corner, size
        fill = "" if shade is None else f' style="fill:rgb({", ".join([str(round(255 - 200 * shade))] * 3)})"'
        self._parts.append(
            f'<rect class="{style}" x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}"{fill}/>'
        )

    def mark(self, at: Point, shape: str = "circle", style: str = "mark") -> None:
        """A small symbol."""
        (x, y), r = at, 4.0
        if shape == "circle":
            self._parts.append(f'<circle class="{style}" cx="{x:.2f}" cy="{y:.2f}" r="{r:.2f}"/>')
            return
        corners = {
            "square": [(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r)],
            "triangle": [(x, y - r), (x + r, y + r), (x - r, y + r)],
            "diamond": [(x, y - r), (x + r, y), (x, y + r), (x - r, y)],
            "cross": [(x - r, y - r), (x, y), (x + r, y - r), (x, y), (x + r, y + r), (x, y), (x - r, y + r), (x, y)],
        }[shape]
        self._parts.append(f'<polygon class="{style}" points="{_listed(corners)}"/>')

    def words(self, at: Point, text: str, anchor: str = "start", style: str = "words") -> None:
        """Text; `anchor` is start, middle or end."""
        (x, y) = at
        self._parts.append(f'<text class="{style}" x="{x:.2f}" y="{y:.2f}" text-anchor="{anchor}">{safe(text)}</text>')

    def horizontal_axis(self, scale: Scale, y: float, title: str, top: float) -> None:
        """Ticks below `y`, faint lines up to `top`, and what is measured."""
        for value in scale.ticks():
            x = scale(value)
            self.line((x, y), (x, top), "grid")
            self.words((x, y + 14), number(value), "middle")
        self.line((scale.start, y), (scale.end, y), "axis")
        self.words(((scale.start + scale.end) / 2, y + 32), title, "middle")

    def vertical_axis(self, scale: Scale, x: float, title: str, right: float) -> None:
        """Ticks left of `x`, faint lines to `right`, and what is measured."""
        for value in scale.ticks():
            y = scale(value)
            self.line((x, y), (right, y), "grid")
            self.words((x - 6, y + 4), number(value), "end")
        self.line((x, scale.start), (x, scale.end), "axis")
        self.words((x - 44, min(scale.start, scale.end) - 8), title)

    def finished(self, identifier: str, title: str, description: str) -> str:
        """The SVG element; `identifier` is unique in the document."""
        return (
            f'<svg role="img" aria-labelledby="{identifier}-t {identifier}-d" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}"><title id="{identifier}-t">{safe(title)}</title>'
            f'<desc id="{identifier}-d">{safe(description)}</desc>{"".join(self._parts)}</svg>'
        )


def number(value: float) -> str:
    """A tick's label: at most four significant digits, never in exponents."""
    return f"{value:.4g}" if value == 0 or abs(value) >= 1e-4 else f"{value:.10f}".rstrip("0")


def _listed(points: Sequence[Point]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)


def _dashed(dash: str) -> str:
    return f' stroke-dasharray="{dash}"' if dash else ""
