"""What `./imta` does. Standard library only: it runs before anything is installed."""
