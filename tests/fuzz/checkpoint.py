"""`python -m tests.fuzz.checkpoint --seconds 60`: checkpoints of the log (C2SP signed notes)."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("checkpoint")
