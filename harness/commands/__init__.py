"""One module a command. All are imported at the start: what a command needs that takes time, it imports when called."""
