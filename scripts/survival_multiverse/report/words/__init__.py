"""Labels, sentences and captions, read from settings and results."""
