"""Inference that holds with few offices, from per-office scores, information and refits."""
