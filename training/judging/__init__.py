"""Judging runs beyond the paper's tables: rest, intensity, takes, transitions, geometry; and the film sheet."""
