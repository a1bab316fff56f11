"""From a file to checked cases, and from cases to a tally: the only floor that sees rows."""
