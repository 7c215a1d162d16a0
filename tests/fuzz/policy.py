"""`python -m tests.fuzz.policy --seconds 60`: policies."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("policy")
