from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from full_stack.catalogue import CATALOGUE, CatalogueError, Wine, load_catalogue
from winestream.events import Colour

WINES = load_catalogue()

# Euros without tax for 75 cl: what a customer would not blink at.
REGIONS = {
    "Alsace": (8, 250),
    "Beaujolais": (7, 60),
    "Bordeaux": (7, 5_000),
    "Bourgogne": (9, 17_000),
    "Champagne": (20, 900),
    "Corse": (8, 60),
    "Jura": (10, 120),
    "Languedoc": (6, 180),
    "Loire": (7, 400),
    "Provence": (8, 120),
    "Rhône": (7, 1_000),
    "Roussillon": (7, 230),
    "Savoie": (6, 50),
    "Sud-Ouest": (5, 50),
}
APPELLATIONS = {
    "Muscadet Sèvre et Maine": (8, 15),
    "Crémant d'Alsace": (10, 18),
    "Crémant de Bourgogne": (9, 16),
    "Entre-Deux-Mers": (6, 12),
    "Bordeaux Supérieur": (8, 25),
    "Petit Chablis": (9, 18),
    "Chablis": (14, 32),
    "Chablis Grand Cru": (50, 200),
    "Beaujolais-Villages": (6, 14),
    "Côtes du Rhône": (7, 28),
    "Châteauneuf-du-Pape": (25, 1_000),
    "Sancerre": (18, 60),
    "Côtes de Provence": (10, 95),
    "Pauillac": (30, 1_400),
    "Pomerol": (25, 5_000),
    "Sauternes": (25, 500),
    "Alsace Grand Cru": (14, 90),
    "Clos de Vougeot": (150, 600),
    "Chambertin": (300, 3_000),
    "Montrachet": (500, 2_000),
    "Romanée-Conti": (12_000, 20_000),
    "IGP Côtes de Gascogne": (5, 12),
    "Cahors": (10, 40),
}


def _for_75_cl(wine: Wine) -> Decimal:
    return wine.price * 75 / wine.bottle_cl


def test_there_is_much_to_choose_from() -> None:
    """At least 320 wines, 220 of them different, from every region of France."""
    assert len(WINES) >= 320
    assert len({wine.name for wine in WINES}) >= 220
    assert {wine.region for wine in WINES} == set(REGIONS)
    assert {wine.colour for wine in WINES} == set(Colour)


def test_no_wine_is_listed_twice() -> None:
    """Ids are unique, and so are name, vintage and bottle together."""
    ids = Counter(wine.wine_id for wine in WINES)
    labels = Counter((wine.name, wine.vintage, wine.bottle_cl) for wine in WINES)
    assert [*ids.values()] == [1] * len(WINES)
    assert [*labels.values()] == [1] * len(WINES)


@pytest.mark.parametrize("region", REGIONS)
def test_prices_fit_the_region(region: str) -> None:
    """No wine costs what no wine of its region costs."""
    low, high = REGIONS[region]
    odd = [w for w in WINES if w.region == region and not low <= _for_75_cl(w) <= high]
    assert odd == []


@pytest.mark.parametrize("appellation", APPELLATIONS)
def test_prices_fit_the_appellation(appellation: str) -> None:
    """A well-known appellation has wines here, at prices it is known for."""
    low, high = APPELLATIONS[appellation]
    wines = [wine for wine in WINES if wine.appellation == appellation]
    assert wines
    assert [wine for wine in wines if not low <= _for_75_cl(wine) <= high] == []


def test_icons_cost_what_icons_cost() -> None:
    """A Pétrus is worth thousands; no Bordeaux of another estate reaches it."""
    best = max((w for w in WINES if w.region == "Bordeaux"), key=lambda w: w.price)
    assert best.estate == "Pétrus"
    assert all(wine.price > 2_500 for wine in WINES if wine.estate == "Pétrus")


def test_a_magnum_costs_about_two_bottles() -> None:
    """A magnum is 1.9 to 2.6 times its bottle."""
    bottles = {(w.name, w.vintage): w.price for w in WINES if w.bottle_cl == 75}
    magnums = [w for w in WINES if w.bottle_cl == 150]
    ratios = [float(w.price / bottles[w.name, w.vintage]) for w in magnums]
    assert ratios
    assert 1.9 <= min(ratios) <= max(ratios) <= 2.6


def test_every_wine_earns_its_place() -> None:
    """Cost is 55 to 75 % of the price, both in whole cents."""
    shares = [wine.cost / wine.price for wine in WINES]
    assert Decimal("0.55") <= min(shares) <= max(shares) <= Decimal("0.75")
    assert {wine.price.as_tuple().exponent for wine in WINES} == {-2}
    assert {wine.cost.as_tuple().exponent for wine in WINES} == {-2}


def test_vintages_are_drinkable_today() -> None:
    """Vintages are 2005 to 2024; rosé is young; only sparkling and sweet are blends."""
    assert all(2005 <= wine.vintage <= 2024 for wine in WINES if wine.vintage)
    rose = [wine.vintage for wine in WINES if wine.colour is Colour.ROSE]
    assert min(year or 0 for year in rose) >= 2021
    blends = {wine.colour for wine in WINES if wine.vintage is None}
    assert blends == {Colour.SPARKLING, Colour.SWEET}


def test_ids_are_readable() -> None:
    """A wine's id says which wine it is."""
    assert "chateau-margaux-2015" in {wine.wine_id for wine in WINES}
    for wine in WINES:
        assert wine.vintage is None or str(wine.vintage) in wine.wine_id
        assert wine.wine_id.endswith("-magnum") == (wine.bottle_cl == 150)


GOOD = (
    "chateau-margaux-2015,Château Margaux,Château Margaux,Bordeaux,Margaux,"
    "red,2015,75,1208.33,808.37"
)


def _written(folder: Path, *lines: str) -> Path:
    header = CATALOGUE.read_text(encoding="utf-8").partition("\n")[0]
    path = folder / "catalogue.csv"
    path.write_text("\n".join((header, *lines, "")), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("1208.33", "1208.3", "price '1208.3'"),
        ("1208.33", "0.00", "price '0.00'"),
        ("1208.33", "NaN", "price 'NaN'"),
        ("808.37", "1208.33", "not below price"),
        ("red", "purple", "colour 'purple' is none of red, white, rosé"),
        (",2015,", ",two,", "vintage 'two'"),
        (",2015,", ",20155,", "vintage '20155'"),
        (",75,", ",37,", "bottle_cl '37'"),
        ("chateau-margaux-2015", "Château Margaux", "is no slug"),
        ("Bordeaux", " Bordeaux", "region ' Bordeaux'"),
        ("Bordeaux", "", "region ''"),
        (",808.37", "", "9 fields instead of 10"),
    ],
)
def test_bad_data_is_refused_by_its_line(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    """A bad line stops the load; the message has the file, the line and the reason."""
    second = GOOD.replace("2015", "2016")
    path = _written(tmp_path, second, GOOD.replace(old, new, 1))
    with pytest.raises(CatalogueError, match=r"catalogue\.csv, line 3: ") as caught:
        load_catalogue(path)
    assert reason in str(caught.value)


@pytest.mark.parametrize("again", [GOOD, GOOD.replace("chateau-margaux", "margaux")])
def test_a_double_names_both_lines(tmp_path: Path, again: str) -> None:
    """A wine listed twice, by id or by label, is refused, naming both lines."""
    with pytest.raises(CatalogueError, match=r"line 3: .* is on line 2 already"):
        load_catalogue(_written(tmp_path, GOOD, again))


def test_the_header_is_checked(tmp_path: Path) -> None:
    """Columns in another order are refused, not read as something else."""
    path = tmp_path / "wines.csv"
    path.write_text("name,wine_id\n", encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"wines\.csv, line 1: the header must be"):
        load_catalogue(path)


def test_an_empty_catalogue_is_refused(tmp_path: Path) -> None:
    """A header alone is no catalogue."""
    with pytest.raises(CatalogueError, match="no wines"):
        load_catalogue(_written(tmp_path))


def test_a_good_line_becomes_a_wine(tmp_path: Path) -> None:
    """Every column lands in its field, typed; an empty vintage is None."""
    (wine,) = load_catalogue(_written(tmp_path, GOOD.replace(",2015,", ",,")))
    assert wine == Wine(
        wine_id="chateau-margaux-2015",
        name="Château Margaux",
        estate="Château Margaux",
        region="Bordeaux",
        appellation="Margaux",
        colour=Colour.RED,
        vintage=None,
        bottle_cl=75,
        price=Decimal("1208.33"),
        cost=Decimal("808.37"),
    )
