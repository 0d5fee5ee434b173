"""Services that answer words with pictures, one module each."""
