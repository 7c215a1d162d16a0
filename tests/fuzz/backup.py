"""`python -m tests.fuzz.backup --seconds 60`: heads of backups."""

from tests.fuzz.running import main

if __name__ == "__main__":
    main("backup")
