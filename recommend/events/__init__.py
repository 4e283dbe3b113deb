"""What readers do: taken in, traced to what caused it, learned from."""
