"""Recipes that make every weight in the repository: ``python -m engine.training RECIPE``."""
