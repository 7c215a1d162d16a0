"""`python -m tests.fuzz.keys --seconds 60`: records of a person's keys."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("keys")
