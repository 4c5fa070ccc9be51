"""From YAML text to a flat network: source, document, expressions, expansion, the catalogue; and back to text."""
