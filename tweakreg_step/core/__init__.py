"""The nouns that all rooms share, and the geometry of the sphere. Imported file by file."""
