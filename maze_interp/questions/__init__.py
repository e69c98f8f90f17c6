"""Prediction questions: what is asked, how a measurement answers it, forecasts, and how well these did."""
