"""Pages: layout and wiring, no logic."""
