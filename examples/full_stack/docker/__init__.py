"""What the container image needs besides the example itself."""
