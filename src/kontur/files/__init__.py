"""A run over files: which images, what is written of each, and the run itself, of which no image's failure is the end."""
