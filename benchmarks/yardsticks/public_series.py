"""Public series that ship inside statsmodels and statsforecast, as tables for `prepare`.

Usage: ``python public_series.py NAME FILE`` writes one of them; `SERIES` lists their names and says
what `prepare` and `train` are told of each. The horizon is a season, or a twentieth of the series
where there is none; the history is three seasons or more, or five horizons.
"""

import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import pandas as pd


class Windowing(NamedTuple):
    """How a series is cut into windows.

    Attributes:
        season: Steps in a season.
        seq_len: Steps of the history.
        horizon: Steps that are forecast.
        patch_len: Steps in a token of the network, about a quarter of a season.
        options: What else `prepare` is told.
    """

    season: int
    seq_len: int
    horizon: int
    patch_len: int
    options: tuple[str, ...] = ()


SERIES = {
    "co2": Windowing(52, 156, 52, 13),
    "elnino": Windowing(12, 36, 12, 3),
    "airpassengers": Windowing(12, 36, 12, 3),
    "macrodata": Windowing(4, 24, 4, 2),
    "interest_inflation": Windowing(4, 24, 4, 2),
    "sunspots": Windowing(11, 33, 11, 3),
    "nile": Windowing(1, 25, 5, 1),
    "fertility": Windowing(1, 15, 3, 1, ("--series", "country")),
}


def table(name: str) -> "pd.DataFrame":
    """A row for each step of each series, with a column ``time``."""
    import pandas as pd

    if name == "airpassengers":
        from statsforecast.utils import AirPassengers

        months = pd.date_range("1949-01-01", periods=len(AirPassengers), freq="MS")
        return pd.DataFrame({"time": months.date, "passengers": AirPassengers})
    from statsmodels import datasets

    data = getattr(datasets, name).load_pandas().data
    if name == "co2":
        return data.rename_axis("time").reset_index().assign(time=lambda rows: rows["time"].dt.date)
    if name == "elnino":
        months = pd.date_range(
            f"{data['YEAR'].iloc[0]:.0f}-01-01", periods=12 * len(data), freq="MS"
        )
        degrees = data.drop(columns="YEAR").to_numpy().ravel()
        return pd.DataFrame({"time": months.date, "degrees": degrees})
    if name == "fertility":
        years = [column for column in data if column.isdecimal()]
        rows = data.melt("Country Code", years, "year", "births").dropna()
        return pd.DataFrame(
            {"time": rows["year"], "country": rows["Country Code"], "births": rows["births"]}
        )
    if "quarter" in data:
        month = (3 * data["quarter"] - 2).astype(int)
        days = pd.to_datetime({"year": data["year"].astype(int), "month": month, "day": 1})
        return data.drop(columns=["year", "quarter"]).assign(time=days.dt.date)
    values = data.rename(columns=str.lower)
    return values.assign(time=values.pop("year").astype(int))


if __name__ == "__main__":
    _, chosen, path = sys.argv
    table(chosen).to_csv(path, index=False)
