"""`python -m tests.fuzz.embeddings --seconds 60`: embeddings made elsewhere (.npz)."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("embeddings")
