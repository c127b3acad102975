"""Types that all packages share, geometry of the sphere, files. Its modules are imported singly."""
