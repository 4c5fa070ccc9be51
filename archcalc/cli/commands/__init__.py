"""The commands, one file each; a file's `command` is what `archcalc NAME` runs."""
