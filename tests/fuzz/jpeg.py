"""`python -m tests.fuzz.jpeg --seconds 60`: JPEG pictures, decoded for templates and for eyes."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("jpeg")
