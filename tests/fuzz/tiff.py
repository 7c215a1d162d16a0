"""`python -m tests.fuzz.tiff --seconds 60`: TIFF pictures, decoded for templates and for eyes."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("tiff")
