"""`python -m tests.fuzz.bmp --seconds 60`: BMP pictures, decoded for templates and for eyes."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("bmp")
