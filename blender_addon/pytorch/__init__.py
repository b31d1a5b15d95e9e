"""PyTorch for this Blender: fetched, looked at, removed."""
