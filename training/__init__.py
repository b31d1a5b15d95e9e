"""Commands that make corpora, train, evaluate and export."""
