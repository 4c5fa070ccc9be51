"""Caffe's networks: `text` reads the text format, `blobs` follows the blobs, and `layers` has a rule for each layer."""
