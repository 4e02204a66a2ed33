"""The procedural cartoon: drawing, language and ground truth of one small world."""
