"""The live preview: the face moves before any bake."""
