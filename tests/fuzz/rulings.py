"""`python -m tests.fuzz.rulings --seconds 60`: rulings on look-alikes."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("rulings")
