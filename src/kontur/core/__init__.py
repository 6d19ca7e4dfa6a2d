"""The types that everything speaks. Imports nothing else of Kontur."""
