"""Figures drawn by matplotlib, and the graph of the lineage."""
