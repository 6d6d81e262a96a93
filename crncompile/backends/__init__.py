"""Backends: a Program becomes source, and source becomes functions."""
