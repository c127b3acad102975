"""JWST: its models and libraries, and how wide its stars are."""
