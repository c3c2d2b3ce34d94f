"""The one alphabet of all regions: index 0 is the CTC blank, then one index per character.

A plate's text has no separators. Vietnamese Đ is a character of its own here and stands as D in the
canonical text; Korean regional plates begin with the region (two syllables), Chinese ones with the province.
"""

from __future__ import annotations

DIGITS = "0123456789"
LATIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
VIETNAMESE = "Đ"
HANGUL = (
    "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주하허호배바사아자"  # use characters
    "서울부산대구인천광전경기강원충북남제세종육해공국합외교영준표협정임시"  # regions, services, diplomats
)
PROVINCES = "京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼川贵云藏渝陕甘青宁新"
CHINESE_USE = "学警港澳挂使领"

BLANK = 0
CHARACTERS = "".join(dict.fromkeys(DIGITS + LATIN + VIETNAMESE + HANGUL + PROVINCES + CHINESE_USE))
SIZE = len(CHARACTERS) + 1  # with the blank
INDEX = {character: index for index, character in enumerate(CHARACTERS, 1)}


def encode(text: str) -> list[int]:
    """Character indices of a text; KeyError for a character that is on no plate."""
    return [INDEX[character] for character in text]


def decode(indices: list[int]) -> str:
    """The text of character indices; the blank is left out."""
    return "".join(CHARACTERS[i - 1] for i in indices if i != BLANK)


def canonical(text: str) -> str:
    """Upper case without separators, Đ as D: the form in which plates are stored and compared."""
    folded = text.upper().replace("Đ", "D").replace("Ð", "D")
    return "".join(character for character in folded if character in INDEX)
