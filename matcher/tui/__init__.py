"""The terminal interface; the state of a review lives in `matcher.review`."""

import logging

# It asks the terminal when it is imported, and complains of one that does not answer with a traceback on stderr, which
# is where the interface draws.
logging.getLogger("textual_image").setLevel(logging.CRITICAL)
