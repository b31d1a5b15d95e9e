"""The command line: bakes and batches of them, files in and out."""
