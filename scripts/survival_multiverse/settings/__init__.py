"""What a study is: its settings, their checks, and the words that name them."""
