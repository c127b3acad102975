"""What the parameters mean for a run: of this mission, for the solver, with an earlier solution.

Its modules are imported one by one, as those of the room above.
"""
