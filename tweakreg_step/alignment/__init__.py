"""The numerical core: catalogs in, motions with errors and verdicts out; numpy and scipy alone."""
