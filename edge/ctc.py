"""From the reader's two maps to texts: contraction, CTC decoding (greedy, beam, constrained), likelihood.

Character indices are the alphabet's, 0 is the blank. Log posteriors have shape (timesteps, characters).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

BLANK = 0
ROWS = HALVES = 2  # rows of text a plate has at most; reading steps per column of the maps
LEAKAGE = 0.25  # keeps the logits of a column in which the masks see no text near zero
NEGLIGIBLE = 1e-3  # a character less probable than this in a step starts no new text
PER_STEP = 5  # characters followed in one step
Indices = tuple[int, ...]
Floats = NDArray[np.float32] | NDArray[np.float64]


def contract(classes: Floats, masks: Floats) -> NDArray[np.float32]:
    """Logits (timesteps, characters) from the class map (1, H, W, 2·A) and the masks (1, H, W, 4).

    A linear classifier commutes with mask pooling, so the attention of the Korean paper's reader is
    finished here: step t = row·2W + 2·column + half looks down one half column through its mask.
    """
    _, height, width, channels = classes.shape
    scores = classes.reshape(height, width, HALVES, channels // HALVES)
    weights = masks.reshape(height, width, ROWS, HALVES)
    summed = np.einsum("hwrs,hwsa->rwsa", weights, scores)
    logits = summed / (weights.sum(axis=0) + LEAKAGE).transpose(1, 0, 2)[..., np.newaxis]
    return np.asarray(logits.reshape(ROWS * width * HALVES, -1), np.float32)


def log_softmax(logits: Floats) -> NDArray[np.float32]:
    """Log posteriors of logits, along the last axis."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True)), np.float32)


def greedy(log_posteriors: Floats) -> Indices:
    """The text along the best path: repeats collapsed, blanks dropped."""
    best = log_posteriors.argmax(axis=1)
    kept = (best != BLANK) & (best != np.concatenate(([BLANK], best[:-1])))
    return tuple(int(i) for i in best[kept])


def beam(log_posteriors: Floats, *, width: int = 10, top: int = 10) -> list[tuple[Indices, float]]:
    """The `top` most probable texts with their log-probabilities by prefix search, best first.

    Only a few characters are followed in each step, so the values are lower bounds; `log_likelihoods`
    gives the exact ones.
    """
    posteriors = np.exp(log_posteriors.astype(np.float64))
    blank = posteriors[:, BLANK].tolist()
    prefixes: dict[Indices, tuple[float, float]] = {(): (1.0, 0.0)}  # ending in a blank, in a character
    logs = 0.0
    for step, characters in enumerate(_worth_following(posteriors)):
        extended = _step(prefixes, blank[step], characters)
        best = sorted(extended.items(), key=lambda item: -sum(item[1]))[:width]
        scale = sum(best[0][1]) or 1.0
        logs += math.log(scale)
        prefixes = {prefix: (ends[0] / scale, ends[1] / scale) for prefix, ends in best}
    found = sorted(prefixes.items(), key=lambda item: -sum(item[1]))[:top]
    return [(text, logs + math.log(sum(ends))) for text, ends in found if sum(ends) > 0]


def _worth_following(posteriors: NDArray[np.float64]) -> list[list[tuple[int, float]]]:
    """For each step the few characters that are not negligible, with their probabilities."""
    followed = []
    for row in posteriors:
        likely = np.flatnonzero(row > NEGLIGIBLE)
        likely = likely[likely != BLANK]
        if len(likely) > PER_STEP:
            likely = likely[np.argsort(-row[likely])[:PER_STEP]]
        followed.append([(int(i), float(row[i])) for i in likely])
    return followed


def _step(
    prefixes: dict[Indices, tuple[float, float]], blank: float, characters: list[tuple[int, float]]
) -> dict[Indices, tuple[float, float]]:
    """One step of prefix search: stay with a blank, repeat the last character, or add one."""
    extended: dict[Indices, tuple[float, float]] = {}
    for prefix, (in_blank, in_character) in prefixes.items():
        total = in_blank + in_character
        before = extended.get(prefix, (0.0, 0.0))
        extended[prefix] = (before[0] + total * blank, before[1])
        last = prefix[-1] if prefix else BLANK
        for character, probability in characters:
            if character == last:
                before = extended[prefix]
                extended[prefix] = (before[0], before[1] + in_character * probability)
            grown = (*prefix, character)
            before = extended.get(grown, (0.0, 0.0))
            start = in_blank if character == last else total
            extended[grown] = (before[0], before[1] + start * probability)
    return extended


def log_likelihood(log_posteriors: Floats, indices: Sequence[int]) -> float:
    """Exact log-probability of one text: the forward algorithm over all its paths."""
    return float(log_likelihoods(log_posteriors, [indices])[0])


def log_likelihoods(log_posteriors: Floats, texts: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Exact log-probabilities (texts,) of many texts at once; -inf for one too long for the steps."""
    if not texts:
        return np.zeros(0)
    labels, ends = _with_blanks(texts)
    emitted = np.exp(log_posteriors.astype(np.float64))[:, labels]  # (timesteps, texts, states)
    may_skip = np.zeros(labels.shape)
    may_skip[:, 2:] = (labels[:, 2:] != BLANK) & (labels[:, 2:] != labels[:, :-2])
    alpha = np.zeros(labels.shape)
    alpha[:, :2] = emitted[0, :, :2]
    logs = np.zeros(len(texts))
    for emission in emitted[1:]:
        ahead = alpha.copy()
        ahead[:, 1:] += alpha[:, :-1]
        ahead[:, 2:] += alpha[:, :-2] * may_skip[:, 2:]
        alpha = ahead * emission
        scale = alpha.max(axis=1)
        scale[scale == 0] = 1.0
        alpha /= scale[:, np.newaxis]
        logs += np.log(scale)
    last = alpha[np.arange(len(texts)), ends] + np.where(
        ends > 0, alpha[np.arange(len(texts)), np.maximum(ends - 1, 0)], 0.0
    )
    with np.errstate(divide="ignore"):
        return np.asarray(logs + np.log(last), np.float64)


def _with_blanks(texts: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels (texts, states) with blanks around every character, and each text's last state."""
    labels = np.full((len(texts), max(2, 2 * max(map(len, texts)) + 1)), BLANK, np.int64)
    for row, text in zip(labels, texts, strict=True):
        row[1 : 2 * len(text) : 2] = text
    return labels, np.array([2 * len(text) for text in texts])


def constrained(
    log_posteriors: Floats, classes: NDArray[np.bool_], templates: Sequence[Sequence[int]]
) -> list[Indices]:
    """For each template the text along its best path, every character taken from the template's class.

    `classes` (classes, characters) says which characters a class holds; a template is one class per
    character. This proposes what a grammar can read where the free search finds only what it cannot.
    """
    if not templates:
        return []
    within = np.where(classes[:, np.newaxis, :], log_posteriors, -np.inf)  # (classes, timesteps, characters)
    best, which = within.max(axis=2), within.argmax(axis=2)  # (classes, timesteps)
    states = _with_blanks([[c + 1 for c in template] for template in templates])
    emitted = np.concatenate([log_posteriors[np.newaxis, :, BLANK], best])[states[0]]  # (N, states, T)
    letters = np.concatenate([np.zeros((1, len(log_posteriors)), which.dtype), which])[states[0]]
    path = _best_path(np.moveaxis(emitted, 2, 0), np.moveaxis(letters, 2, 0), states[1])
    return [
        _letters_along(path[:, n], emitted[n], letters[n], len(template))
        for n, template in enumerate(templates)
    ]


def _best_path(emitted: Floats, letters: NDArray[np.intp], ends: NDArray[np.int64]) -> NDArray[np.intp]:
    """Viterbi: the state (timesteps, templates) in which each template's best path is at each step."""
    steps, count, states = emitted.shape
    score = np.full((count, states), -np.inf)
    score[:, :2] = emitted[0, :, :2]
    came = np.zeros((steps, count, states), np.intp)  # how many states the path moved on
    moves = np.full((3, count, states), -np.inf)
    for step in range(1, steps):
        moves[0], moves[1, :, 1:] = score, score[:, :-1]
        differ = letters[step, :, 3::2] != letters[step - 1, :, 1:-2:2]
        moves[2, :, 3::2] = np.where(differ, score[:, 1:-2:2], -np.inf)
        came[step] = moves.argmax(axis=0)
        score = moves.max(axis=0) + emitted[step]
    each = np.arange(count)
    state = np.where(score[each, ends] >= score[each, ends - 1], ends, ends - 1)
    path = np.zeros((steps, count), np.intp)
    for step in range(steps - 1, -1, -1):
        path[step] = state
        state = state - came[step, each, state]
    return path


def _letters_along(
    path: NDArray[np.intp], emitted: Floats, letters: NDArray[np.intp], length: int
) -> Indices:
    """A template's text: for each character the one that was surest while the path stayed on it."""
    steps = np.arange(len(path))
    surest: dict[int, tuple[float, int]] = {}
    for state, score, letter in zip(
        path.tolist(), emitted[path, steps].tolist(), letters[path, steps].tolist(), strict=True
    ):
        if state % 2 and score >= surest.get(state, (-np.inf, 0))[0]:
            surest[state] = (score, letter)
    return tuple(surest[2 * k + 1][1] for k in range(length)) if len(surest) == length else ()
