"""Measures what was made against what was asked, with floors and ceilings as controls."""
