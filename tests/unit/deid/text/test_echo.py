"""What repeats an identity, however it is written."""

from __future__ import annotations

import pytest

from orthanc_plugins.deid.text import Echo


def echo(
    *values: str, names: tuple[str, ...] = (), dates: tuple[str, ...] = (), initials: bool = False
) -> Echo:
    return Echo.of(values, names=names, dates=dates, initials=initials)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Schmidt^Anna", "PTVSchmidt2"),
        ("Schmidt^Anna", "scan of anna"),
        ("Müller^Jörg", "MUELLER"),
        ("Müller^Jörg", "muller_gtv"),
        ("Mueller^X", "Müller"),
        ("Groß^X", "GROSS"),
        ("Sørensen^X", "Soerensen"),
        ("Sørensen^X", "sorensen"),
        ("Łukasz^X", "LUKASZ"),
        ("Lee^Bo", "GTV Lee"),
        ("Lee^Bo", "lee2"),
        ("Li^Na", "Lina"),
        ("Li^Na", "na_li"),
        ("O'Brien^X", "OBRIEN"),
        ("O'Brien^X", "o'brien"),
        ("Dr. Hans Meier", "meier"),
        ("Heart^John", "Heart"),
        ("Heart^John", "hearts"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田 CT"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "太郎"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "ヤマダ"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "\uff39\uff21\uff2d\uff21\uff24\uff21"),
        ("Wang^Dong=王^东", "王 东"),
        ("Hong^Gildong=洪^吉洞=홍^길동", "길동"),
        ("Иванов^Пётр", "ИВАНОВ"),
        ("Schmidt^Anna", "S c h m i d t"),
        ("Schmidt^Anna", "Schm_idt"),
        ("Schmidt^Anna", "Schmi\N{ZERO WIDTH SPACE}dt"),
        ("Schmidt^Anna", "Schmi\N{SOFT HYPHEN}dt"),
        ("Schmidt^Anna", "anna_SCHMIDT"),
        ("Ivanov^Petr", "Ивaнoв"),
        ("Ivanov^Petr", "Iv\N{CYRILLIC SMALL LETTER A}nov"),
        ("Smith^Ann", "Sm\N{CYRILLIC SMALL LETTER BYELORUSSIAN-UKRAINIAN I}th"),
        ("Martin^Ann", "\N{GREEK CAPITAL LETTER MU}artin"),
        ("Ivanov^Petr", "Иванов"),
        ("Ivanov^Petr", "Пётр"),
        ("Иванов^Пётр", "Ivanov"),
        ("Иванов^Пётр", "iwanow CT"),
        ("Щербаков^Юлия", "Shcherbakov"),
        ("Щербаков^Юлия", "Yuliya"),
        ("Щербаков^Юлия", "Julija"),
        ("Παπαδόπουλος^Νίκος", "Papadopoulos"),
        ("Papadopoulos^Nikos", "ΠΑΠΑΔΟΠΟΥΛΟΣ"),
        ("やまだ^たろう", "yamada"),
        ("やまだ^たろう", "Taro"),
        ("しょうじ^X", "Shoji"),
        ("Fujiwara^X", "フジワラ"),
        ("Y\N{LATIN SMALL LETTER DOTLESS I}lmaz^X", "YILMAZ"),
        ("Strauß^X", "Strauss"),
        ("Ærøskøbing^X", "Aeroeskoebing"),
        ("Wolfeschlegelstein^X", "Wolfeschlegelste"),
        ("Oberhuberschmidt^X", "PTV Oberhuber"),
    ],
)
def test_a_name_is_found_however_it_is_written(name: str, text: str) -> None:
    assert echo(names=(name,)).found_in(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Ella^Ute", "Patella"),
        ("Tate^X", "Prostate"),
        ("Lee^Bo", "fleece"),
        ("Lee^Bo", "sleep"),
        ("CT^Pa", "CT PA"),
        ("M^J", "m j"),
        ("Wang^Dong=王^东", "王"),
        ("Von der^Dr.", "von der Dr."),
        ("Shouldermann^X", "Shoulder"),
        ("Oberhuberschmidt^X", "Oberhub"),
        ("Иванов^Пётр", "Тонкий"),
        ("Anonymous", "anonymous"),
        ("", "anything"),
        ("^^^", "anything"),
    ],
)
def test_what_only_looks_alike_is_no_echo(name: str, text: str) -> None:
    assert not echo(names=(name,)).found_in(text)


def test_a_word_that_holds_a_name_hides_no_other_place_of_it() -> None:
    assert echo(names=("Ella^X",)).found_in("Patella Ella")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0012345678", "12345678"),
        ("12345678", "0012345678"),
        ("12-345/678", "12345678"),
        ("12345678", "12.345 678"),
        ("12345678", "x9123456789"),
        ("4711", "Nr. 4711"),
        ("4711", "004711"),
        ("ACC-2024-991", "acc2024991"),
        ("A1B", "a1b scan"),
        ("+49 931 201 28844", "0931/20128844"),
        ("Hauptstr. 12, 97080 Würzburg", "Wuerzburg"),
        ("Hauptstr. 12, 97080 Würzburg", "97080"),
        ("Universitätsklinikum Würzburg", "WURZBURG"),
        ("h.schmidt@example.org", "Schmidt"),
        ("2.25.4815-KLINIK-162342-X", "2254815KLINIK16"),
    ],
)
def test_a_value_is_found_whatever_separates_it(value: str, text: str) -> None:
    assert echo(value).found_in(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("12", "12 mm"),
        ("123", "b123"),
        ("4711", "147112"),
        ("Heart Centre", "heart"),
        ("Klinik für Radiologie", "Radiologie"),
        ("", "anything"),
        ("---", "---"),
        ("unknown", "unknown"),
    ],
)
def test_short_numbers_and_common_words_are_not_searched_for(value: str, text: str) -> None:
    assert not echo(value).found_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "19610503",
        "1961-05-03",
        "1961 5 3",
        "03.05.1961",
        "3.5.61",
        "5/3/1961",
        "030561",
        "610503",
        "born_03051961",
        "3 May 1961",
        "3rd May 61",
        "May 3, 1961",
        "03-MAI-1961",
        "3. Mai 1961",
        "3 mayo 1961",
    ],
)
def test_a_date_is_found_in_every_usual_form(text: str) -> None:
    assert echo(dates=("19610503",)).found_in(text)


@pytest.mark.parametrize("text", ["1961", "05.03", "119610503", "PTV_6153", "3 May 1962", "4.5.1961", "MAY"])
def test_another_date_or_a_part_is_no_echo(text: str) -> None:
    assert not echo(dates=("19610503",)).found_in(text)


def test_march_is_found_in_german() -> None:
    assert echo(dates=("19700312",)).found_in("12. März 1970")


def test_a_date_with_a_time_counts_and_what_is_no_day_is_a_value() -> None:
    assert echo(dates=("19610503103000.000+0100",)).found_in("3.5.1961")
    assert echo(dates=("19611399",)).found_in("1961-13-99")


@pytest.mark.parametrize("text", ["JD", "J.D.", "d j", "PTV_JD", "D.J."])
def test_initials_are_found_when_asked_for(text: str) -> None:
    assert echo(names=("Doe^John",), initials=True).found_in(text)
    assert not echo(names=("Doe^John",)).found_in(text)


@pytest.mark.parametrize("text", ["JDX", "CT", "adjust"])
def test_other_letters_are_no_initials(text: str) -> None:
    assert not echo(names=("Doe^John", "Tom^Carl"), initials=True).found_in(text)


def test_initials_that_are_technical_need_their_dots() -> None:
    assert echo(names=("Tom^Carl",), initials=True).found_in("C.T.")


def test_nothing_of_an_identity_shows() -> None:
    made = echo("4711000", names=("Schmidt^Anna",), dates=("19610503",))
    assert repr(made) == "Echo()"
    assert "chmidt" not in repr(made._needles)
