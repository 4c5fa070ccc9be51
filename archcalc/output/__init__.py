"""Results as people and programs read them: a report is data (`layout`), and each output format has a file."""
