"""`field`: one maze's vector field and exact behaviour."""
