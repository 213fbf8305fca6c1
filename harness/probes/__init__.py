"""One file per diagnostic that watches a run; a probe draws no randomness and changes nothing."""
