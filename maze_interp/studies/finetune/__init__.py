"""`finetune`: make an agent go for the cheese wherever it lies, or for the corner, and compare it with the original."""
