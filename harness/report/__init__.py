"""Estimates to pages: figures, HTML, CSV files and metrics.json. Never imports torch."""
