"""Landmarks by themselves: the landmark finder, an extra that is fetched, and what it finds on a head."""
