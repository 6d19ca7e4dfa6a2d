"""The routes, by what they are of; each file has one function that adds its own to the application."""
