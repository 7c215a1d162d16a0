"""`python -m tests.fuzz.webp --seconds 60`: WebP pictures, decoded for templates and for eyes."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("webp")
