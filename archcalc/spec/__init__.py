"""From YAML text to a flat list of nodes: source, expressions, documents, expansion, the catalogue."""
