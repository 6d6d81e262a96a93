"""The program stage: from equations to arithmetic."""
