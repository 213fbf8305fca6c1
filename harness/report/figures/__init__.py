"""Figures of the study pages, one registered function each."""
