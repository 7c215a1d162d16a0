"""`python -m tests.fuzz.container --seconds 60`: headers of sealed containers."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("container")
