"""The layers of Keras that can be read: a rule each, in a file per family, found by `registry`."""
