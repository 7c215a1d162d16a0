"""`python -m matcher` is the same program as `matcher`."""

from matcher.cli.main import main

if __name__ == "__main__":
    main()
