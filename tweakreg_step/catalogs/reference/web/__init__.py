"""Reference catalogs from the web: questions, answers, their limits, and those that are kept.

Its modules are imported one by one by the room above.
"""
