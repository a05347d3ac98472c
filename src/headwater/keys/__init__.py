"""Keys of those whose personal data events hold: where they are kept, and what is encrypted with them."""
