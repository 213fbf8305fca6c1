"""Records -> MLflow: what a run is shown as, what is there already, whose it is, what is written."""
