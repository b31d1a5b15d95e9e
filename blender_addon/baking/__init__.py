"""From generated frames to shape keys, curves and caches, and away again."""
