"""The WCS of an image: its tangent plane, its correction, its inverse, its footprint."""
