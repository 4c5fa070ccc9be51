"""What follows from a network: the interpreter runs each layer's rule once; the rest reads what it found."""
