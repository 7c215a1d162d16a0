"""`python -m tests.fuzz.watchlist --seconds 60`: manifests of a list."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("watchlist")
