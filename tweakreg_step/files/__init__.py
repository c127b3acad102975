"""Files: their names, and files that are read whole and written whole or not at all.

Its modules are imported one by one.
"""
