"""The statistics by which the papers' claims are judged."""

import json

import numpy as np
import pytest

from benchmarks.papers.claims import Claim, Figures, difference, mcnemar, table, verdict
from benchmarks.papers.experiment import rendered


def test_a_clear_gain_has_an_interval_above_zero_and_a_coin_flip_has_not():
    rng = np.random.default_rng(0)
    worse = rng.random((3, 400)) < 0.5
    better = worse | (rng.random((3, 400)) < 0.4)
    mean, low, high = difference(better, worse)
    assert 0 < low < mean < high and verdict((mean, low, high)) is True
    assert verdict(difference(worse, better)) is False
    assert verdict(difference(rng.random((3, 400)) < 0.5, worse)) is None


def test_the_interval_knows_that_training_seeds_differ():
    pictures = np.zeros((3, 500))
    seeds = pictures + np.array([[0.3], [0.0], [-0.3]])
    _, low, high = difference(seeds, pictures)
    assert high - low > 0.3


def test_mcnemar_counts_only_the_pictures_on_which_two_readers_differ():
    agree = [True] * 500
    assert mcnemar(agree, agree) == 1.0
    assert mcnemar([*agree, *[True] * 10], [*agree, *[False] * 10]) == pytest.approx(2 * 0.5**10)


def figures(paper: str, *claims: Claim) -> Figures:
    return Figures(paper, f"python -m {paper}", True, 1.5, "x86_64, 2 cores", "2026-11-21", claims)


def test_one_table_names_paper_claim_figures_difference_and_verdict():
    faster = Claim("faster", "2 ms", "1 ms", 10, 3, (0.1, 0.05, 0.2), True)
    shown = table(figures("x", faster), figures("y", Claim("smaller", "1", "2", 1)))
    assert "| x | faster | 2 ms | 1 ms | +0.100 (+0.050 … +0.200) | 10 × 3 | yes |" in shown
    assert shown.endswith("| y | smaller | 1 | 2 | – | 1 × 1 | undecided |")
    assert len(shown.splitlines()) == 4


def test_figures_are_kept_as_json_with_command_and_machine(tmp_path):
    path = tmp_path / "x.json"
    figures("x", Claim("a", "b", "c", 1)).save(path)
    kept = json.loads(path.read_text())
    assert kept["command"] == "python -m x" and kept["claims"][0]["ours"] == "c"


def test_data_are_rendered_once(tmp_path):
    calls = []

    def make():
        calls.append(1)
        return {"x": np.arange(3)}

    first, second = (rendered(tmp_path / "data" / "x.npz", make) for _ in range(2))
    assert len(calls) == 1 and (first["x"] == second["x"]).all()
