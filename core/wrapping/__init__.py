"""A template wrapped onto any head: landmarks, spline, registration, and what it comes to."""
