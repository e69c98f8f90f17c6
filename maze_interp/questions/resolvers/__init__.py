"""What answers the questions: for each measurement of the vocabulary a function that makes its figures."""
