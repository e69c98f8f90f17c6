"""The page that says what an agent does: sections of text, figures, pictures and tables, one module each."""
