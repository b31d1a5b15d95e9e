"""Losses, batches and the training loop; left out of the extension."""
