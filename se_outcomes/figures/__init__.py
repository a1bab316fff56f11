"""One figure a file: ``draw_<stem>(result, ax)`` draws numbers already computed and returns the axes."""
