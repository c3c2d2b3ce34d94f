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
LN_NEGLIGIBLE = math.log(1e-3)  # a character less probable than this in a step starts no new text
QUIET = math.log(1 - 1e-3)  # ln of the blank above which a step says nothing
PER_STEP = 5  # characters followed in one step
HOPELESS = 1e-4  # share of the best prefix below which one is let go: no grammar outweighs that
FAR = 20.0  # in ln; a look may hold only 12 against a text, and no form is 8 rarer than another
FAINTEST = -80.0  # ln of the least probability that is told from none: eight steps of it are still a float64
RESCALED = 8  # steps between two rescalings of the forward algorithm: no 8 steps reach the end of float64
LEAST = 1e-300  # below what 8 steps leave of anything possible
Indices = tuple[int, ...]
Prefixes = dict[Indices, tuple[float, float]]  # with the probabilities of ending in a blank, in a character
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


def condense(log_posteriors: Floats) -> NDArray[np.float32]:
    """The same with every run of steps that hold next to nothing but the blank as one step: half as many, mostly.

    The first of a run stays and carries the blanks of the others.
    """
    blanks = log_posteriors[:, BLANK]
    quiet = blanks > QUIET
    starts = np.flatnonzero(np.append(True, ~(quiet[1:] & quiet[:-1])))  # a quiet step after another one goes into that
    condensed = np.asarray(log_posteriors[starts], np.float32)
    condensed[:, BLANK] = np.add.reduceat(blanks, starts, dtype=np.float64)
    return condensed


def greedy(log_posteriors: Floats) -> Indices:
    """The text along the best path: repeats collapsed, blanks dropped."""
    best = log_posteriors.argmax(axis=1)
    kept = (best != BLANK) & (best != np.concatenate(([BLANK], best[:-1])))
    return tuple(int(i) for i in best[kept])


def beam(log_posteriors: Floats, *, width: int = 10, top: int = 10) -> list[tuple[Indices, float]]:
    """The `top` most probable texts with their log-probabilities by prefix search, best first.

    Only a few characters are followed in each step and hopeless prefixes are let go, so the values are lower
    bounds; `log_likelihoods` gives the exact ones.
    """
    prefixes: Prefixes = {(): (1.0, 0.0)}
    for blank, characters in _worth_following(log_posteriors):
        if characters:
            prefixes = _hopeful(_step(prefixes, blank, characters), width)
        else:
            prefixes = {prefix: ((ends[0] + ends[1]) * blank, 0.0) for prefix, ends in prefixes.items()}
    found = sorted(prefixes.items(), key=_improbability)[:top]
    return [(text, math.log(sum(ends))) for text, ends in found if sum(ends) > 0]


def _improbability(prefix: tuple[Indices, tuple[float, float]]) -> float:
    return -prefix[1][0] - prefix[1][1]


def _worth_following(log_posteriors: Floats) -> list[tuple[float, list[tuple[int, float]]]]:
    """For each step the blank's probability and the few characters that are not negligible, with theirs."""
    blanks: list[float] = np.exp(log_posteriors[:, BLANK]).tolist()
    likely: list[list[tuple[int, float]]] = [[] for _ in blanks]
    steps, characters = np.nonzero(log_posteriors > LN_NEGLIGIBLE)
    probabilities = np.exp(log_posteriors[steps, characters]).tolist()
    for step, index, p in zip(steps.tolist(), characters.tolist(), probabilities, strict=True):
        if index != BLANK:
            likely[step].append((index, p))
    return [
        (blank, found if len(found) <= PER_STEP else sorted(found, key=lambda pair: -pair[1])[:PER_STEP])
        for blank, found in zip(blanks, likely, strict=True)
    ]


def _step(prefixes: Prefixes, blank: float, characters: list[tuple[int, float]]) -> Prefixes:
    """One step of prefix search: stay with a blank, repeat the last character, or add one."""
    stayed: dict[Indices, float] = {}
    spoken: dict[Indices, float] = {}
    for prefix, (in_blank, in_character) in prefixes.items():
        total = in_blank + in_character
        stayed[prefix] = total * blank
        last = prefix[-1] if prefix else BLANK
        for character, probability in characters:
            start = total
            if character == last:
                spoken[prefix] = spoken.get(prefix, 0.0) + in_character * probability
                start = in_blank
            grown = (*prefix, character)
            spoken[grown] = spoken.get(grown, 0.0) + start * probability
    extended = {prefix: (probability, spoken.pop(prefix, 0.0)) for prefix, probability in stayed.items()}
    extended.update({prefix: (0.0, probability) for prefix, probability in spoken.items()})
    return extended


def _hopeful(prefixes: Prefixes, width: int) -> Prefixes:
    """The most probable ones, and of these none that is far behind the best."""
    least = HOPELESS * max(in_blank + in_character for in_blank, in_character in prefixes.values())
    kept = {prefix: ends for prefix, ends in prefixes.items() if ends[0] + ends[1] >= least}
    return kept if len(kept) <= width else dict(sorted(kept.items(), key=_improbability)[:width])


def log_likelihood(log_posteriors: Floats, indices: Sequence[int]) -> float:
    """Exact log-probability of one text: the forward algorithm over all its paths."""
    return float(log_likelihoods(log_posteriors, [indices])[0])


def log_likelihoods(log_posteriors: Floats, texts: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Exact log-probabilities (texts,) of many texts at once; -inf for one too long for the steps."""
    return np.asarray(likelihoods_by_look([log_posteriors], texts)[0], np.float64)


def likelihoods_by_look(looks: Sequence[Floats], texts: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """The same (looks, texts) for several looks in one go: an array of a few numbers costs no less than of many."""
    if not texts:
        return np.zeros((len(looks), 0))
    labels, ends = _with_blanks(texts)
    emitted = _emitted(looks, labels.T)  # (timesteps, states, looks by texts)
    may_skip = ((labels[:, 2:] != BLANK) & (labels[:, 2:] != labels[:, :-2])).T
    logs, alpha = _forward(emitted, np.tile(may_skip, len(looks)))
    last, each = np.tile(ends, len(looks)), np.arange(len(looks) * len(texts))
    with np.errstate(divide="ignore"):
        found = logs + np.log(alpha[last + 1, each] + alpha[last, each])
    return np.asarray(found.reshape(len(looks), len(texts)), np.float64)


def _emitted(looks: Sequence[Floats], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probabilities (timesteps, states, looks by texts) of labels (states, texts); shorter looks end in sure blanks."""
    steps = max(map(len, looks))
    parts = [np.exp(np.maximum(look[:, labels], FAINTEST)) for look in looks]
    sure = labels == BLANK
    for number, part in enumerate(parts):
        if len(part) < steps:
            parts[number] = np.concatenate([part, np.broadcast_to(sure, (steps - len(part), *sure.shape))])
    return np.concatenate(parts, axis=2, dtype=np.float64)


def _forward(
    emitted: NDArray[np.float64], may_skip: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What was scaled away (columns,) in logarithms, and alpha (1 + states, columns) after the last step."""
    steps, states, columns = emitted.shape
    alpha = np.zeros((states + 1, columns))  # one more state in front, which is never reached
    alpha[1:3] = emitted[0, :2]
    ahead, scales = np.empty((states, columns)), [np.ones(columns)]
    here, before, earlier, skippers = alpha[1:], alpha[:-1], alpha[1:-2], ahead[2:]  # taken once: it is half the time
    for step in range(1, steps):
        np.add(here, before, out=ahead)
        np.add(skippers, earlier, out=skippers, where=may_skip)
        np.multiply(ahead, emitted[step], out=here)
        if step % RESCALED == 0:
            scales.append(alpha.max(axis=0, initial=LEAST))
            alpha /= scales[-1]
    return np.asarray(np.log(scales).sum(axis=0), np.float64), alpha


def _with_blanks(texts: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels (texts, states) with blanks around every character, and each text's last state."""
    states = max(2, 2 * max(map(len, texts)) + 1)
    rows = []
    for text in texts:
        row = [BLANK] * states
        row[1 : 2 * len(text) : 2] = text
        rows.append(row)
    return np.array(rows, np.int64), np.array([2 * len(text) for text in texts])


def constrained(
    log_posteriors: Floats, classes: NDArray[np.bool_], templates: Sequence[Sequence[int]]
) -> list[Indices]:
    """For each template the text along its best path, every character taken from the template's class.

    `classes` (classes, characters) says which characters a class holds; a template is one class per
    character. This proposes what a grammar can read where the free search finds only what it cannot. A text is
    empty where none fits, or only one that is FAR less probable than the best path of all.
    """
    if not templates:
        return []
    best, which = _within(log_posteriors, classes)
    labels, ends = _with_blanks([[c + 1 for c in template] for template in templates])  # (templates, states)
    emitted = best[:, labels.T]  # (timesteps, states, templates)
    letters = which[:, labels.T[1::2]]  # (timesteps, characters, templates)
    path, score = _best_path(emitted, letters, ends)
    near = score >= log_posteriors.max(axis=1).sum() - FAR
    found = iter(_letters_along(path[:, near], emitted[:, :, near], letters[:, :, near], ends[near]))
    return [next(found) if hopeful else () for hopeful in near.tolist()]


def _within(log_posteriors: Floats, classes: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.intp]]:
    """The best log posterior (timesteps, 1 + classes) of the blank and in each class, and whose it is."""
    columns = [np.zeros(1, np.intp), *(np.flatnonzero(held) for held in classes)]
    parts = [log_posteriors[:, held] for held in columns]
    which = [held[part.argmax(axis=1)] for held, part in zip(columns, parts, strict=True)]
    return np.stack([part.max(axis=1) for part in parts], axis=1), np.stack(which, axis=1)


def _best_path(
    emitted: Floats, letters: NDArray[np.intp], ends: NDArray[np.int64]
) -> tuple[NDArray[np.intp], Floats]:
    """Viterbi: the state (timesteps, templates) of each template's best path at each step, and its log-probability."""
    steps, states, count = emitted.shape
    same = np.zeros((steps, states - 2, count), emitted.dtype)  # added where a letter would follow itself at once
    same[:, 0::2] = -np.inf  # from blank to blank is no way
    same[1:, 1::2][letters[1:, 1:] == letters[:-1, :-1]] = -np.inf
    score = np.full((states, count), -np.inf, emitted.dtype)
    score[:2] = emitted[0, :2]
    one, two = np.zeros((2, steps, states, count), bool)  # whether the path came from one or two states before
    stay = np.empty_like(score)
    for step in range(1, steps):
        np.greater(score[:-1], score[1:], out=one[step, 1:])
        np.copyto(stay, score)
        np.maximum(stay[1:], score[:-1], out=stay[1:])
        far = score[:-2] + same[step]
        np.greater(far, stay[2:], out=two[step, 2:])
        np.maximum(stay[2:], far, out=stay[2:])
        np.add(stay, emitted[step], out=score)
    each = np.arange(count)
    came = np.where(two, 2, one)
    state = np.where(score[ends, each] >= score[ends - 1, each], ends, ends - 1)
    path = np.zeros((steps, count), np.intp)
    for step in range(steps - 1, -1, -1):
        path[step] = state
        state = state - came[step, state, each]
    return path, np.maximum(score[ends, each], score[ends - 1, each])


def _letters_along(
    path: NDArray[np.intp], emitted: Floats, letters: NDArray[np.intp], ends: NDArray[np.int64]
) -> list[Indices]:
    """Each template's text: for each character the one that was surest while the path stayed on it."""
    steps, each = np.arange(len(path))[:, np.newaxis], np.arange(len(ends))
    order = np.argsort(emitted[steps, path, each], axis=0, kind="stable")  # the surest step last
    states = path[order, each]  # odd ones are characters
    found = np.zeros((int(ends.max(initial=0)) // 2 + 1, len(ends)), np.intp)  # the last row takes what the blanks say
    slots = np.where(states % 2, states // 2, -1)
    found[slots, np.broadcast_to(each, slots.shape)] = letters[order, slots, each]  # the surest stays
    return [
        text if all(text) else ()
        for length, row in zip((ends // 2).tolist(), found.T.tolist(), strict=True)
        for text in (tuple(row[:length]),)
    ]
