"""`python -m tests.fuzz.cohort --seconds 60`: manifests of a cohort."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("cohort")
