"""Pictures from the web, without Django and without the model."""
