"""What stpipe needs of any step: parameters from anywhere, old names, a report of a failed run."""
