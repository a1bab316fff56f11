"""Likelihoods: arrays in, frozen records out, with per-office scores and information."""
