"""`probe`: what linear probes predict from each layer, with controls, and what their directions do as edits."""
