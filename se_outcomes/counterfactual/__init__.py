"""What would have been: effects by doubly robust scores, bounds that assume less, and rules for who is served."""
