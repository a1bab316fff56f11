"""One exhibit a file: a result and axes in, axes out."""
