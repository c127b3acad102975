"""Images in a solution: where their errors are told, how large they are, their own motions.

Its modules are imported one by one, as those of the room above.
"""
