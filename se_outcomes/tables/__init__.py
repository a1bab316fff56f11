"""One table a file: ``tabulate_<stem>(result)`` gives a frame of text, ready to print."""
