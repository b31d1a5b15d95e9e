"""How well wraps do: heads whose own motion is known, and the figures."""
