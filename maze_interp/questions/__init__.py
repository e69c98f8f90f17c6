"""Prediction questions: what is asked, how a measurement answers it, forecasts, and how well these did.

    known = mi.questions.load_questions()
    forecast = mi.questions.load_forecast(mi.questions.forecast_path("nanda-2023"), known)
    resolution = mi.questions.named_resolution("rand_region_3_easy")
    board = mi.questions.Scoreboard([forecast], known, mi.questions.find_resolutions(known, [resolution]))

Names are imported on first use.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
