"""`python -m harness`."""

from harness.cli import program

if __name__ == "__main__":
    program()
