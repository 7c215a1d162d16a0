"""One face: draws what it is given in the mode it is told, fills its whole area, and says when its size changes."""

from PIL import Image
from textual.events import Resize
from textual.message import Message
from textual.renderables.blank import Blank
from textual.strip import Strip
from textual.widget import Widget
from textual_image.widget._base import Image as PixelPicture

from matcher.review.pixels import ImageMode
from matcher.tui.graphics import pixel_widget
from matcher.tui.widgets.blocks import BlockPicture


class FaceView(Widget):
    """A place for one picture."""

    class Resized(Message):
        """The view has another size: what it shows must be drawn again."""

    _mode: ImageMode | None = None
    _child: Widget | None = None

    def render(self) -> Blank:
        """Nothing until there is a picture; a widget's own default is its name."""
        return Blank()

    def on_resize(self, event: Resize) -> None:
        """Tells the screen."""
        self.post_message(self.Resized())

    def clear(self) -> None:
        """Takes the picture off the screen at once."""
        if isinstance(self._child, BlockPicture):
            self._child.show([])
        elif isinstance(self._child, PixelPicture):
            self._child.image = None

    def show(self, image: Image.Image, strips: list[Strip], mode: ImageMode) -> None:
        """Shows `strips` in the character modes, `image` in the others."""
        child = self._child_for(mode)
        if isinstance(child, BlockPicture):
            child.show(strips)
        elif isinstance(child, PixelPicture):
            child.image = image

    def _child_for(self, mode: ImageMode) -> Widget:
        if self._child is not None and self._mode is mode:
            return self._child
        self.clear()
        self.remove_children()
        blocks = mode in {ImageMode.HALF_BLOCK, ImageMode.CHARACTERS}
        self._mode, self._child = mode, BlockPicture() if blocks else pixel_widget(mode)
        self.mount(self._child)
        return self._child
