"""Strengths, expressions and presets on the timeline, and what they ask of the generator."""
