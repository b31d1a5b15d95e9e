"""Where training sequences come from, and the folder they are kept in."""
