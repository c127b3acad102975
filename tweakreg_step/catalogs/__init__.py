"""Tables of sources: a user's own in any form, and those that an earlier run has saved."""
