"""`python -m tests.fuzz.png --seconds 60`: PNG pictures, decoded for templates and for eyes."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("png")
