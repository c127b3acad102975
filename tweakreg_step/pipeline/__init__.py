"""One run: its phases, the alignment of all images, what becomes of each, results applied."""
