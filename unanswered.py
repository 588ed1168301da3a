"""`python -m unanswered`, the same as the command `unanswered`."""

from monitor.cli import main

if __name__ == "__main__":
    main()
