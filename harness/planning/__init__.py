"""Parameters, study files and what is recorded -> the runs of a plan."""
