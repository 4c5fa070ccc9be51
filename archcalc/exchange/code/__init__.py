"""A network as Python code: what the writers for all frameworks share. A block of the spec is one definition, called
with what differs; each framework says how it writes a layer, a block and a network."""
