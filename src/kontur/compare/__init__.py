"""Methods beside each other on equal terms: how scores fall with damage (`compare.robustness`)."""
