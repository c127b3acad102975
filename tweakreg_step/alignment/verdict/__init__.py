"""Is a correction better than none? Evidence for and against each, and what to do about it."""
