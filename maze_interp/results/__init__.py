"""What measuring yields: estimates with intervals, tables, pictures, and the files they are written to."""
