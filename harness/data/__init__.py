"""Pictures from a source, split, checked and laid on disk as arrays that every worker maps."""
