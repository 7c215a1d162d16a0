"""`python -m tests.fuzz.heic --seconds 60`: HEIC pictures, decoded for templates and for eyes."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("heic")
