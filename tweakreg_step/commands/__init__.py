"""What the console command ``tweakreg`` does: a file for each kind of work.

Its modules are imported one by one: the help must not load astropy and all.
"""
