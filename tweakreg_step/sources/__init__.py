"""From pixels to measured sources."""
