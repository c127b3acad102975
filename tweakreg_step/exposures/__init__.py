"""One exposure: read, its sources found, its catalog kept, its result written whole."""
