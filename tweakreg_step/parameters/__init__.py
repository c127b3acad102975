"""The parameters of a run: declared once, with unit, limits and meaning."""
