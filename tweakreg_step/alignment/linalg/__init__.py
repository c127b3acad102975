"""Factors of the normal matrix and the entries of its inverse that are needed."""
