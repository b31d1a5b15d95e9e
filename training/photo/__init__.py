"""What photos of faces are read by: rendered people, what the detector makes of them, and how well it all does."""
