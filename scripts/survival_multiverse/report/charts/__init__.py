"""Charts of the page as Vega-Lite specifications: plain data, drawn by the reader's browser."""
