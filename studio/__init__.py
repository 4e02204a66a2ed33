"""The studio: what keeps a creator's work and runs the engine. Importing it does nothing."""
