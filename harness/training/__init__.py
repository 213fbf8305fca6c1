"""RunSpec + prepared data -> RunResult."""
