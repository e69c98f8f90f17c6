"""`channels`: which channels of a layer track the cheese, the mouse, the corner or the walls."""
