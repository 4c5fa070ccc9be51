"""Whether specs are consistent, their claims are true, and nothing in them is suspicious."""
