"""One run: its phases, the alignment of all images, what becomes of each, results applied.

Imported file by file: the functions need some of them, and must not load what a step needs.
"""
