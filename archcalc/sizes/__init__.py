"""The numbers that a rule runs on: ints, arrays, symbols, ranges, traced ints; volumes of them, and conditions."""
