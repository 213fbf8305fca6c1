"""Small experiments of the lecture beside the studies; each writes one JSON file that a page shows."""
