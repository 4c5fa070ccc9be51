"""What is legal and suspicious: a file per rule, each with one function that finds it, found by themselves."""
