"""The terminal interface; the state of a review lives in `matcher.review`."""
