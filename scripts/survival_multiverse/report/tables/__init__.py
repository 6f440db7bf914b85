"""Tables as they are shown."""
