"""Training the runs of a plan: engine, store, tracker, progress and ensembles together."""
