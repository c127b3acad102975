"""The methods of alignment: all groups at once, or one after another; the method of tweakwcs.

Its modules are imported one by one, as those of the room above.
"""
