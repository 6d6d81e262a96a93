"""What a compiled network is written out as."""
