"""What travels: the store of images and models, and what fills it."""
