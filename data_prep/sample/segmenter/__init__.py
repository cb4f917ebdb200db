"""The sample's own portrait segmenter, and how it was trained."""
