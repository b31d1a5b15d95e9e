"""What `python -m training benchmark` measures, a file for each kind of work."""
