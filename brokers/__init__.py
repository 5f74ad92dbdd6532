"""How each venue speaks."""
