"""Estimates to pages: figures, HTML, CSV files and metrics.json. Never imports torch."""

RESULT = "result.txt"  # the last lines of the terminal, kept beside the pages
