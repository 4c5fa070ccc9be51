"""What is wrong, as data: places, findings, the rules that they break, and how findings are shown."""
