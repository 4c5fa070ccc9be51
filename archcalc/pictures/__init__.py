"""Pictures: the network as a graph, memory in time, networks in a chart; data to SVG, without a library."""
