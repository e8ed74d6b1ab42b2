"""What is stored: frozen values, one concept a file."""
