"""What matches though it is not the sky: pixels that stay, periodic fields, second offsets.

Its modules are imported one by one, as those of the room above.
"""
