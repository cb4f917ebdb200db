"""Does it work on this GPU, and how fast: python -m benchmarks.gpu says so in eight minutes."""
