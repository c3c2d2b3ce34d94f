import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.errors import BadInput, BadTable
from edge.records import Candidate, Vehicle
from edge.registry import Imported, Registry
from edge.store import Store

HEADER = "plate,owner,unit,kind,status,note\n"


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Store.open(tmp_path / "a.db") as store:
        yield store.registry


def load(registry: Registry, *lines: str, header: str = HEADER) -> Imported:
    return registry.import_csv((header + "\n".join(lines)).encode(), "gate.csv")


def plates(registry: Registry) -> list[str]:
    return [vehicle.plate for vehicle in registry.all()]


def test_every_spelling_of_a_plate_finds_the_same_vehicle(registry: Registry) -> None:
    registry.add(Vehicle("29-Đ1 234.56", "Lê Thị B", "A1"))
    found = registry.find("29d123456")
    assert found == Vehicle("29D123456", "Lê Thị B", "A1")
    assert registry.find("29Đ1-234.56") == found
    assert registry.find("29D123457") is None


def test_adding_a_plate_again_replaces_it_and_removing_it_is_told(registry: Registry) -> None:
    assert registry.add(Vehicle("51F-123.45", "A"))
    assert not registry.add(Vehicle("51F12345", "B"))
    assert registry.find("51F12345") == Vehicle("51F12345", "B")
    assert registry.remove("51f 12345")
    assert not registry.remove("51F12345")


def test_what_is_exported_can_be_imported(registry: Registry, tmp_path: Path) -> None:
    load(registry, '서울12가3456,"Kim, ""Lee""",3,car,watch,', "京A12345,王,,,deny,n")
    out = io.StringIO()
    assert registry.export_csv(out) == 2
    with Store.open(tmp_path / "b.db") as other:
        assert other.registry.import_csv(out.getvalue().encode(), "b.csv") == Imported(2, 0)
        assert list(other.registry.all()) == list(registry.all())


def test_an_import_adds_and_updates_and_keeps_the_rest(registry: Registry) -> None:
    load(registry, "A1,x,,,allow,", "B2,x,,,allow,")
    assert load(registry, "B2,y,,,deny,", "C3,z,,,,") == Imported(1, 1)
    assert [(v.plate, v.owner, v.status) for v in registry.all()] == [
        ("A1", "x", "allow"),
        ("B2", "y", "deny"),
        ("C3", "z", "allow"),
    ]


def test_a_table_from_a_spreadsheet_with_byte_order_mark_and_other_column_order_is_taken(
    registry: Registry,
) -> None:
    registry.import_csv(b"\xef\xbb\xbfStatus,Plate,owner,unit,kind,note\r\nwatch,A1,x,,,\r\n\r\n", "gate.csv")
    assert registry.find("A1") == Vehicle("A1", "x", status="watch")


@pytest.mark.parametrize(
    ("lines", "header", "message"),
    [
        (["A1,x"], "number,name\n", r"line 1: the header is 'number,name'. It must be 'plate,owner,unit,"),
        (["A1;x;;;;"], HEADER.replace(",", ";"), "line 1: the header is"),
        ([], "", "line 1: the header is ''"),
        (["A1,x,,,allow,", "B2,,,,,", "a-1,y,,,allow,"], HEADER, "line 4: a-1 stands in line 2 already"),
        (["A1,x,,,allow,", ",y,,,allow,"], HEADER, "line 3: The plate is empty"),
        (["--,y,,,allow,"], HEADER, "line 2: The plate is empty"),
        (["A1é,y,,,allow,"], HEADER, "line 2: 'A1é' holds 'é', which is on no plate"),
        (["A1,x,,,maybe,"], HEADER, "line 2: The status 'maybe' is unknown. Use one of allow, deny, watch"),
        (["A1,x,allow"], HEADER, "line 2: 3 cells instead of 6"),
        (['A1,"x,,,allow,'], HEADER, "Check the quotes"),
    ],
)
def test_a_bad_table_names_line_and_remedy_and_imports_nothing(
    registry: Registry, lines: list[str], header: str, message: str
) -> None:
    load(registry, "Z9,old,,,allow,")
    with pytest.raises(BadTable, match=message) as caught:
        load(registry, *lines, header=header)
    assert str(caught.value).startswith("gate.csv, line")
    assert str(caught.value).endswith("nothing was imported.")
    assert plates(registry) == ["Z9"]


def test_a_table_that_is_not_utf_8_is_refused(registry: Registry) -> None:
    with pytest.raises(BadTable, match="Save it as 'CSV UTF-8'"):
        registry.import_csv(HEADER.encode() + "A1,Müller,,,,".encode("latin-1"), "gate.csv")


def test_a_bad_plate_or_status_is_refused_one_by_one_too(registry: Registry) -> None:
    for vehicle in (Vehicle(" - "), Vehicle("A1", status="banned"), Vehicle("A1#")):
        with pytest.raises(BadInput):
            registry.add(vehicle)
    assert plates(registry) == []


def test_similar_plates_come_with_the_reason_and_look_alikes_come_first(registry: Registry) -> None:
    load(registry, "51F12345,a,,,,", "51F12845,b,,,,", "51F1234,c,,,,", "30A99999,d,,,,")
    found = registry.similar("5IF-123.45")
    assert [s.vehicle.plate for s in found] == ["51F12345", "51F1234", "51F12845"]
    assert found[0].explanation == "I for 1 at 2"
    assert found[1].explanation == "I for 1 at 2, 5 too many after 7"
    assert found[0].distance < found[1].distance


def test_the_same_plate_is_not_similar_to_itself(registry: Registry) -> None:
    load(registry, "51F12345,a,,,,")
    assert registry.similar("51F12345") == []


def test_a_single_look_alike_among_the_candidates_is_matched(registry: Registry) -> None:
    load(registry, "51F12345,a,,,,", "OAB123,b,,,,", "99X99999,c,,,,")
    candidates = [Candidate("5IF12345", 0.6), Candidate("51F12345", 0.3), Candidate("99X99999", 0.1)]
    match = registry.match("5IF12345", candidates)
    assert match is not None
    assert match.plate == "51F12345"


def test_an_exact_plate_goes_before_its_look_alikes(registry: Registry) -> None:
    load(registry, "51F12345,a,,,,", "5IF12345,b,,,,")
    match = registry.match("5IF12345", [Candidate("51F12345", 0.4)])
    assert match is not None
    assert match.owner == "b"


def test_two_look_alikes_or_another_character_match_nothing(registry: Registry) -> None:
    load(registry, "51F12O45,a,,,,", "51F12Q45,b,,,,", "51F12345,c,,,,")
    candidates = [Candidate("51F12O45", 0.2), Candidate("51F12Q45", 0.2)]
    assert registry.match("51F12045", candidates) is None
    assert registry.match("51F12A45", [Candidate("51F12345", 0.4)]) is None
