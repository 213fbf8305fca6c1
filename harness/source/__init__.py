"""Source code as data: what a piece of it can reach."""
