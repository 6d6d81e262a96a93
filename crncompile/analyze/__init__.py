"""What a network or device can be shown to do."""
