"""Exact decompositions of differences between groups."""
