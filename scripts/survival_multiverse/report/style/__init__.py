"""Colours, axes and formats of numbers that pictures and tables share."""
