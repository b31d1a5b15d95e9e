"""What belongs to a face and moves with it: which role each piece has, and how it follows the template."""
