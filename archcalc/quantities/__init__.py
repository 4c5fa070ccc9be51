"""What can be asked of a network by name: one function per quantity, a file per family, found by themselves."""
