"""`python -m tests.fuzz.configuration --seconds 60`: the configuration file."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("configuration")
