"""A face from photos: the list of photos, their landmarks, and what is made of them."""
