"""Records to tables, estimates, verdicts and sentences. Arrays in, estimates out; never imports torch."""
