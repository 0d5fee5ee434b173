"""The site: places, their pictures, and the searches that visitors make."""
