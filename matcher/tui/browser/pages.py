"""The pages of the browser's server: all of their own, and no address elsewhere in them."""

from html import escape

FONT_SIZES = range(6, 33)
USUAL_FONT = 16

_FONT = "/static/fonts/RobotoMono-VariableFont_wght.ttf"

_STYLE = """
@font-face { font-family: "Roboto Mono"; src: url("/static/fonts/RobotoMono-VariableFont_wght.ttf");
  font-display: block; font-weight: 100 700; }
body { margin: 0; background: #11151a; color: #e8ebee; font-family: "Roboto Mono", monospace; }
#terminal { width: 100vw; height: 100vh; overflow: hidden; opacity: 0; }
body.-first-byte #terminal { opacity: 1; }
.note { position: absolute; inset: 0; display: flex; flex-direction: column; align-items: center;
  justify-content: center; gap: 1rem; z-index: 10; padding: 2rem; text-align: center; }
.ended { display: none; background: #11151a; }
body.-first-byte .opening { display: none; }
body.-closed .opening { display: none; }
body.-unfit .opening { display: none; }
.unfit { display: none; }
body.-unfit .unfit { display: flex; }
.xterm-viewport { overflow: hidden !important; }
body.-closed .ended { display: flex; }
a { color: #8ecbff; }
"""


# Three things the terminal's script leaves to do. Of its ways to draw, only WebGL draws half blocks both exactly and
# soon: the 2D canvas took 6 to 16 s for a view of faces (WebGL 1 s, without a graphics card), and plain HTML sets each
# pixel a sixth of a row too low, so that a face is not the face. So the canvas gets no context, and a browser without
# WebGL 2 gets a sentence. And the keyboard waits for a click, when a reviewer's hands are on the keys already.
_SCRIPT = """
const context = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return this.classList.contains("xterm-text-layer") ? null : context.call(this, kind, ...rest);
};
if (!document.createElement("canvas").getContext("webgl2")) {
  addEventListener("DOMContentLoaded", () => {
    document.body.classList.add("-unfit");
    document.getElementById("terminal").remove();
  });
}
addEventListener("load", () => {
  const waiting = setInterval(() => {
    const field = document.querySelector(".xterm-helper-textarea");
    if (field && document.body.classList.contains("-first-byte")) {
      clearInterval(waiting);
      field.focus();
    }
  }, 50);
});
"""


def script() -> str:
    """Comes before the terminal's own."""
    return _SCRIPT


def style() -> str:
    """The style sheet."""
    return _STYLE


def terminal(host: str, font_size: int) -> str:
    """The page that holds the terminal; its script finds where to connect in the data attributes."""
    return _page(
        f'<link rel="preload" as="font" type="font/ttf" crossorigin href="{_FONT}">'  # the terminal measures it at once
        '<link rel="stylesheet" href="/static/css/xterm.css"><script src="/page.js"></script>'
        '<script src="/static/js/textual.js"></script>',
        '<div class="note opening">Opening. If nothing comes, another tab may show the session: close it first.</div>'
        '<div class="note unfit">This browser has no WebGL 2: it would draw faces wrong. Use another one.</div>'
        '<div class="note ended">This session ended; committed judgements are kept.'
        '<a href="/">Begin another</a></div>'
        f'<div id="terminal" class="textual-terminal" data-session-websocket-url="ws://{escape(host)}/ws"'
        f' data-font-size="{font_size}"></div>',
    )


def entered() -> str:
    """After the token: a page of ours opens the terminal, so that a strict cookie goes with the request."""
    return _page(
        '<meta http-equiv="refresh" content="0;url=/">', '<div class="note"><a href="/">To the review</a></div>'
    )


def refused() -> str:
    """Without token or cookie."""
    return _page(
        "",
        '<div class="note">This address was used already, or it is not the one that matcher serve printed. '
        "Stop the server and start it again for another one.</div>",
    )


def font_size(wanted: str) -> int:
    """Letters of this many pixels; smaller letters give larger faces."""
    size = int(wanted) if wanted.isascii() and wanted.isdecimal() and len(wanted) < 4 else USUAL_FONT
    return min(max(size, FONT_SIZES[0]), FONT_SIZES[-1])


def _page(head: str, body: str) -> str:
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>matcher</title>'
        f'<link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css">{head}</head>'
        f"<body>{body}</body></html>"
    )
