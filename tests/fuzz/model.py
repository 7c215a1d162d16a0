"""`python -m tests.fuzz.model --seconds 60`: manifests of models."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("model")
