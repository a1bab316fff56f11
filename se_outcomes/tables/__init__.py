"""One exhibit a file: a result in, a printable frame out."""
