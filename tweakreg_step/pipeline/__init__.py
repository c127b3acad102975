"""One run: alignment of all images in its phases, outcome of each image, results applied.

Its modules are imported one by one: the functions need some of them, and must not load stpipe.
"""
