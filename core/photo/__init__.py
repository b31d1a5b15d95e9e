"""A head from photos: faces found in them, a neutral fitted to them, and its texture. numpy alone."""
