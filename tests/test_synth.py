"""The renderer: deterministic, truthful about what it drew, and covering every region."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.plates.alphabet import INDEX, PROVINCES, decode
from edge.wide import WIDE
from models import synth
from models.synth import atlas, degrade, drawing, formats, hangul, hanzi, scene, strokes, view, wear
from models.synth.view import IGNORE
from models.train import photographs

REGIONS = tuple(formats.REGIONS)


def test_the_same_seed_renders_the_same_crop_and_another_seed_another() -> None:
    one, same, other = (view.render(np.random.default_rng(seed), weights=synth.SHARES) for seed in (5, 5, 6))
    assert np.array_equal(one.crop, same.crop) and one.text == same.text and one.strengths == same.strengths
    assert not np.array_equal(one.crop, other.crop)


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_renders_plates_whose_characters_are_in_the_alphabet(region: str) -> None:
    seen = set()
    for seed in range(60):
        plate = formats.REGIONS[region](np.random.default_rng(seed))
        assert plate.region == region and plate.text and all(c in INDEX for c in plate.text)
        assert drawing.draw(plate, np.random.default_rng(seed)).text == plate.text
        seen.add((plate.kind, plate.rows))
    assert len(seen) >= 3 and {rows for _, rows in seen} == {1, 2}


def test_every_character_is_on_some_plate_but_those_of_korean_temporary_ones() -> None:
    drawn = {
        character
        for region in REGIONS
        for seed in range(4000)
        for character in formats.REGIONS[region](np.random.default_rng(seed)).text
    }
    assert set(INDEX) - drawn == set("임시")


def test_vietnamese_plates_come_in_all_sizes_and_colours() -> None:
    plates = [formats.vietnam(np.random.default_rng(seed)) for seed in range(400)]
    assert {(p.width, p.height) for p in plates} == {(520, 110), (330, 165), (190, 140)}
    assert {p.background for p in plates} == {formats.WHITE, formats.YELLOW, formats.BLUE, formats.RED}


def test_time_steps_spell_the_text_row_after_row() -> None:
    checked = 0
    for seed in range(40):
        sample = view.render(np.random.default_rng(seed), weights=synth.SHARES, level=0.2, jitter=0.2)
        steps = [int(s) for s in sample.steps if s not in (0, IGNORE)]
        spelled = [s for n, s in enumerate(steps) if n == 0 or steps[n - 1] != s]
        once = [c for n, c in enumerate(sample.text) if n == 0 or sample.text[n - 1] != c]
        checked += spelled == once
        assert decode(list(sample.text)) == sample.plate.text
    assert checked >= 36  # a character cut off at the edge has no step


def test_a_plate_seen_wide_spells_its_text_in_one_row() -> None:
    two_rows = 0
    for seed in range(40):
        sample = view.render(
            np.random.default_rng(seed), weights=synth.SHARES, level=0.1, jitter=0.2, size=WIDE
        )
        assert sample.crop.shape == (64, 256, 3)
        upper, lower = sample.steps.reshape(2, 64)
        spoken = upper[(upper > 0) & (upper != view.IGNORE)]
        assert set(spoken) <= set(sample.text)
        if sample.plate.rows == 2:
            two_rows += 1
            assert not lower.any()
            first = INDEX[sample.plate.lines[0].text.strip("-.· *")[-1]]
            assert first in upper[:32] and sample.text[-1] in upper[32:]
    assert two_rows > 5


def test_no_degradation_leaves_the_clear_view_and_full_strength_changes_it() -> None:
    def distance(**strengths: float) -> float:
        chosen = dict.fromkeys(degrade.NAMES, 0.0) | strengths
        sample = view.render(np.random.default_rng(8), weights={"vn": 1.0}, strengths=chosen, clear=True)
        assert sample.clear is not None and sample.strengths == chosen
        blur = [
            cv2.Laplacian(cv2.cvtColor(i, cv2.COLOR_RGB2GRAY), cv2.CV_32F).var() for i in (sample.crop, sample.clear)
        ]
        return float(blur[0] / blur[1])

    assert distance(defocus=1.0) < 0.5 * distance()
    assert distance(motion=1.0) < 0.7 * distance()


def test_noise_grows_with_its_strength() -> None:
    def grain(strength: float) -> float:
        strengths = dict.fromkeys(degrade.NAMES, 0.0) | {"noise": strength}
        flat = np.full((64, 128, 3), 128.0, np.float32)
        return float(degrade.sensor(flat, strengths, np.random.default_rng(8)).std())

    assert grain(0.0) == 0.0 and grain(0.5) > 5 and grain(1.0) > 1.8 * grain(0.5)


def test_scene_corners_lie_on_the_plate_that_was_pasted() -> None:
    found = 0
    for seed in range(12):
        rendered = scene.render(np.random.default_rng(seed), weights=synth.SHARES, level=0.0)
        assert rendered.image.shape == (384, 384, 3) and set(rendered.strengths) == set(degrade.NAMES)
        for plate in rendered.plates:
            x0, y0, x1, y1 = plate.box
            assert 0 <= x0 < x1 <= 384 and 0 <= y0 < y1 <= 384 and plate.rows in (1, 2)
            inside = cv2.contourArea(plate.corners.astype(np.float32))
            assert 0 < inside <= (x1 - x0) * (y1 - y0) + 1e-3
            found += 1
    assert found > 8


def labelled(folder: Path, *rows: tuple[str, str, str]) -> Path:
    """A folder with a grey frame a row of (file, licence, text), each with a plate at (20, 30)."""
    folder.mkdir(exist_ok=True)
    with open(folder / "labels.csv", "w", newline="", encoding="utf-8") as table:
        writer = csv.writer(table)
        writer.writerow(("file", "license", "text", "x", "y", "w", "h"))
        for file, licence, text in rows:
            cv2.imwrite(str(folder / file), np.full((90, 160, 3), 128, np.uint8))
            writer.writerow((file, licence, text, 20, 30, 40, 10))
    return folder


def test_only_photographs_that_may_be_trained_on_are_used(tmp_path: Path) -> None:
    mine = labelled(tmp_path / "mine", ("a.jpg", "MIT (CCPD)", ""), ("b.jpg", "AGPL-3.0", ""))
    frames = scene.Photographs((mine,))
    assert len(frames.frames) == 1
    boxes = [t for seed in range(20) for t in frames.ground(np.random.default_rng(seed), 384)[1]]
    assert boxes and not any(t.exact for t in boxes)
    with pytest.raises(ValueError, match="no frame that may be trained on"):
        scene.Photographs((labelled(tmp_path / "theirs", ("a.jpg", "none stated", "")),))


def test_half_of_the_vehicles_are_only_measured_on_in_every_folder(tmp_path: Path) -> None:
    texts = [f"51F{number:05d}" for number in range(40)]
    folder = labelled(tmp_path / "all", *((f"{text}.png", "MIT", text) for text in texts))
    trained = {decode(list(photograph.text)) for photograph in photographs.load(folder)}
    assert trained == {text for text in texts if not synth.held_out(text)}
    assert 10 < len(trained) < 30
    assert len(scene.Photographs((folder,)).frames) == len(trained)
    assert synth.held_out("51F-123.45") == synth.held_out("51f12345")


def test_a_photograph_gives_another_crop_of_the_same_plate_each_time(tmp_path: Path) -> None:
    folder = labelled(tmp_path / "one", *((f"{n}.png", "MIT", text) for n, text in enumerate(("51F00000", "29A12345"))))
    photograph = photographs.load(folder)[0]
    crops = [photographs.sample(np.random.default_rng(seed), photograph, 1.0) for seed in range(3)]
    assert all(crop.shape == (64, 128, 3) and crop.dtype == np.uint8 for crop in crops)
    assert not np.array_equal(crops[0], crops[1])
    wide = photographs.sample(np.random.default_rng(0), photograph, 1.0, WIDE)
    assert wide.shape == (64, 256, 3)


def test_a_chinese_photograph_without_its_province_begins_with_its_letter() -> None:
    image = np.zeros((40, 120, 3), np.uint8)
    image[10:30, 10:25] = 255  # the Hanzi
    corners = np.array([[10.0, 10.0], [110.0, 10.0], [110.0, 30.0], [10.0, 30.0]])
    text = tuple(INDEX[c] for c in "皖A12345")
    whole = photographs.Photograph(image, corners, text)
    rest = photographs.without_province(whole)
    assert decode(list(rest.text)) == "A12345"
    assert not rest.image.any() and rest.image.shape == (40, 95, 3)
    assert rest.corners.tolist() == [[0, 10], [85, 10], [85, 30], [0, 30]]
    latin = photographs.Photograph(image, corners, text[1:])
    assert photographs.without_province(latin) is latin


def test_the_atlas_has_every_character_in_several_faces() -> None:
    kinds = atlas.load()
    covered = {c for faces in kinds.values() for face in faces for c in face.glyphs}
    assert covered == set(INDEX)
    assert len(kinds["stroke"]) + len(kinds["font"]) > 40 and len(kinds["hangul"]) > 5 and len(kinds["hanzi"]) >= 3


def test_the_alphabets_of_grey_and_mercosur_plates_differ_where_real_ones_do() -> None:
    kinds = atlas.load()
    for grey in kinds["brazilian"]:
        assert np.array_equal(grey.glyphs["0"], grey.glyphs["O"])
        assert grey.glyphs["D"][:6, :6].mean() > grey.glyphs["O"][:6, :6].mean()  # a corner
        assert grey.glyphs["1"].shape[1] < grey.glyphs["7"].shape[1] / 2  # a plain bar
    for mercosur in kinds["forgery proof"]:
        assert mercosur.glyphs["1"][-4:].mean() > mercosur.glyphs["7"][-4:].mean()  # a serif
        assert not np.array_equal(mercosur.glyphs["0"], mercosur.glyphs["O"])


def test_the_syllables_of_korean_plates_are_pressed_from_one_alphabet() -> None:
    shape = {"height": 64, "aspect": 0.8, "weight": 0.1}
    drawn = {c: hangul.draw(c, 1, **shape) for c in formats.KR_USE}
    assert all(glyph is not None and 0.08 < (glyph > 127).mean() < 0.6 for glyph in drawn.values())
    assert len({glyph.tobytes() for glyph in drawn.values()}) == len(set(formats.KR_USE))
    assert not np.array_equal(drawn["가"], hangul.draw("가", 2, **shape))
    assert hangul.draw("강", 1, **shape) is None


def test_every_province_is_drawn_as_narrow_as_it_is_pressed_and_unlike_any_other() -> None:
    rng = np.random.default_rng(1)
    drawn = {c: hanzi.draw(c, rng, height=64, aspect=0.5, weight=0.06) for c in PROVINCES}
    assert {glyph.shape for glyph in drawn.values()} == {(64, 32)}
    assert all(0.1 < (glyph > 127).mean() < 0.7 for glyph in drawn.values())
    ink = np.array([glyph.ravel() > 127 for glyph in drawn.values()])
    alike = (ink[:, None] & ink).sum(axis=2) / (ink[:, None] | ink).sum(axis=2)
    assert (alike - np.eye(len(ink))).max() < 0.7


def test_square_strokes_fill_the_corners_that_round_ones_leave() -> None:
    shape = {"height": 64, "aspect": 0.5, "weight": 0.14, "radius": 0.2, "plain": 0.0, "alphabet": "brazilian"}
    for character, corner in (("D", 255), ("L", 255), ("O", 0)):
        filled, plain = (strokes.draw(character, np.random.default_rng(0), square=s, **shape) for s in (True, False))
        assert plain[0, 0] < 128
        assert (filled[0, 0] > 128) == (corner > 128)


@pytest.mark.parametrize("name", ["detector", "reader"])
def test_calibration_pictures_span_the_whole_input_range(name: str) -> None:
    pictures = list(synth.calibration(name, [{"seed": "1", "level": "0.4"}, {"seed": "2", "level": "0.8"}]))
    assert len(pictures) == 2 and pictures[0].dtype == np.float32
    assert pictures[0].min() == 0.0 and pictures[0].max() == 1.0


def test_paint_leaves_few_plates_and_never_spreads_beyond_the_edge_of_a_character() -> None:
    coverage = np.zeros((60, 120), np.uint8)
    cells = [(str(n), x, 10, x + 20, 50) for n, x in enumerate((10, 50, 90))]
    for _, x0, y0, x1, y1 in cells:
        coverage[y0:y1, x0:x1] = 255
    left = [wear.paint(coverage, cells, np.random.default_rng(seed)) for seed in range(400)]
    worn = [painted for painted in left if (painted != coverage).any()]
    assert 40 <= len(worn) <= 100
    widened = cv2.dilate(coverage, np.ones((3, 3), np.uint8))
    for painted in worn:
        assert (painted <= widened).all()
        assert painted.sum() < 1.05 * coverage.sum()


@pytest.mark.parametrize(("mark", "most"), [(wear.flake, 0.1), (wear.splash, 0.15), (wear.overhang, 0.24)])
def test_what_mars_a_plate_hides_a_part_of_it(
    mark: Callable[[np.ndarray, np.random.Generator], None], most: float
) -> None:
    for seed in range(50):
        image = np.full((100, 140, 3), 201.5, np.float32)
        mark(image, np.random.default_rng(seed))
        marred = (image != 201.5).any(axis=2)
        assert marred.mean() <= most + 0.01
        assert mark is not wear.overhang or not marred[26:].any()
    seen = np.full((100, 140, 3), 201.5, np.float32)
    for seed in range(50):
        mark(seen, np.random.default_rng(seed))
    assert (seen != 201.5).any(axis=2).mean() > 0.1
