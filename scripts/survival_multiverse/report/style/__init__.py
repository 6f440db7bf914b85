"""Colours, axes and formats of numbers that charts, figures and tables share."""
