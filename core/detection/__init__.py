"""Landmarks found in pictures of a head: views by rays, a small network's reader, and what many views agree on."""
