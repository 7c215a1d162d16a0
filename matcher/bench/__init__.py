"""Timing against peers, over the code that the product runs."""
