from .forecasts import forecast_path as forecast_path
from .forecasts import load_forecast as load_forecast
from .locking import lock_forecast as lock_forecast
from .registry import load_questions as load_questions
from .resolution_files import find_resolutions as find_resolutions
from .resolution_files import named_resolution as named_resolution
from .scoreboard import Scoreboard as Scoreboard
