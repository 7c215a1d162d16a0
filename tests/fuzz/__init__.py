"""A script for each reader of `tests/hostile/readers.py`: `python -m tests.fuzz.NAME --seconds N` (extra `fuzz`)."""
