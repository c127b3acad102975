"""Levels of motion: of detectors, visits and fields; their parents, their priors, their choice.

Its modules are imported one by one, as those of the room above.
"""
