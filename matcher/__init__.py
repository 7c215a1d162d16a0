"""An accountable face watchlist matcher."""

__version__ = "0.1.0"
