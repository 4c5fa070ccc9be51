"""Hugging Face's `config.json`: `config` reads it; `decoders`, `encoders` and `images` know families of models."""
