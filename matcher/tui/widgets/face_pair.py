"""Two faces side by side, or both in one place: one after the other, or half of each; with captions."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from matcher.review.session import View
from matcher.tui.album import DrawnPair
from matcher.tui.plain import prose
from matcher.tui.widgets.face_view import FaceView

BLINK_SECONDS = 0.7


class FacePair(Horizontal):
    """Probe left, reference right; where both share one place, in the left view over the whole width."""

    _pair: DrawnPair | None = None
    _arranged = View()
    _second = False
    _captions = ("", "")

    def compose(self) -> ComposeResult:
        """Two columns."""
        for side in ("probe", "reference"):
            with Vertical(id=f"{side}-column", classes="face-column"):
                yield FaceView(id=f"{side}-face")
                yield Static(id=f"{side}-caption", classes="caption")

    def on_mount(self) -> None:
        """Starts the blink timer; it does nothing unless blinking."""
        self.set_interval(BLINK_SECONDS, self._blink)

    @property
    def view_size(self) -> tuple[int, int]:
        """Cells of one view: the smaller of both while they stand side by side."""
        left, right = self._view("probe").size, self._view("reference").size
        if self._arranged.one_place:
            return left.width, left.height
        return min(left.width, right.width), min(left.height, right.height)

    def clear(self) -> None:
        """Takes both faces off at once."""
        self._pair = None
        self._view("probe").clear()
        self._view("reference").clear()

    def share(self, view: View) -> None:
        """One place or two; what is drawn no longer fits after a change."""
        before, self._arranged = self._arranged, view
        if (before.blink, before.overlay) != (view.blink, view.overlay):
            self.clear()
            self._second = False
            self.query_one("#reference-column").display = not view.one_place
            self._write_captions()

    def show(self, pair: DrawnPair) -> None:
        """Shows what was drawn."""
        self._pair = pair
        self._show()

    def caption(self, probe: str, reference: str) -> None:
        """The words under the faces."""
        if self._captions != (probe, reference):
            self._captions = (probe, reference)
            self._write_captions()

    def _blink(self) -> None:
        if self._arranged.blink and self._pair is not None:
            self._second = not self._second
            self._show()
            self._write_captions()

    def _show(self) -> None:
        pair = self._pair
        if pair is None:
            return
        if self._second:
            self._view("probe").show(pair.crops.reference, pair.reference_strips, pair.mode)
            return
        self._view("probe").show(pair.crops.probe, pair.probe_strips, pair.mode)
        if not self._arranged.one_place:
            self._view("reference").show(pair.crops.reference, pair.reference_strips, pair.mode)

    def _write_captions(self) -> None:
        first = self._captions[1] if self._second else self._captions[0]
        if self._arranged.overlay:
            first = f"half {self._captions[0]}, half {self._captions[1]}"
        self.query_one("#probe-caption", Static).update(prose(first, "$muted"))
        self.query_one("#reference-caption", Static).update(prose(self._captions[1], "$muted"))

    def _view(self, side: str) -> FaceView:
        return self.query_one(f"#{side}-face", FaceView)
