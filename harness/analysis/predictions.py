"""Predictions made before the results were seen: what is asked, what came out, and which predictions held."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from harness.analysis.summary import ContextSummary, StudySummary
from harness.analysis.verdicts import JudgedClaim
from harness.core.errors import SettingError, choices
from harness.quantities import PRIMARY, quantity

# undecided: a level that may be the best, among others. not graded: nothing here can tell.
Result = Literal["held", "failed", "undecided", "not graded"]
NO_LEVEL = "none for sure"
VERDICTS = {
    "supported": "it holds",
    "contradicted": "the opposite holds",
    "too small to matter": "a difference too small to matter",
    "mixed": "part of it holds, part does not",
    "open": "these seeds can't tell",
}
# Of these answers nothing large is found: as good a prediction as any other.
NEGATIVE = (NO_LEVEL, "too small to matter", "open")
FORMAT = 1


@dataclass(frozen=True)
class Question:
    """What is asked of a study: `options` are {answer: its words}, `told` is what came out, in words."""

    id: str
    study: str
    words: str
    options: Mapping[str, str]
    told: str
    results: Mapping[str, Result]


@dataclass(frozen=True)
class Graded:
    """One prediction and what became of it; `before`: predicted before its study was revealed (None: not known)."""

    question: Question
    answer: str | None
    result: Result
    before: bool | None


def report_id(plan: Mapping[str, Any]) -> str:
    """Return what identifies the runs of a report: a digest of their fingerprints."""
    prints = sorted(run["fingerprint"] for study in plan["studies"] for arm in study["arms"] for run in arm["runs"])
    return sha256(" ".join(prints).encode()).hexdigest()[:16]


def questions(summary: StudySummary) -> list[Question]:
    """Return what can be predicted of a study: the best level of each context, and the verdict on each claim."""
    several = len(summary.contexts) > 1
    asked = [best_question(summary.name, context, several) for context in summary.contexts if len(context.arms) > 1]
    return asked + [claim_question(summary.name, judged) for judged in summary.claims if not judged.claim.check]


def best_question(study: str, context: ContextSummary, several: bool) -> Question:
    """Return the question for the best level of a context; levels that can't be told apart leave it undecided."""
    levels, best = [arm.level for arm in context.arms], context.near_best

    def result(answer: str) -> Result:
        if not best:
            return "not graded"
        if answer == NO_LEVEL:
            return "held" if len(best) > 1 else "failed"
        if answer not in best:
            return "failed"
        return "held" if len(best) == 1 else "undecided"

    options = {level: level for level in levels} | {NO_LEVEL: "none for sure: the seeds can't tell"}
    told = f"surely {best[0]}" if len(best) == 1 else f"none for sure: it may be {', '.join(best)}"
    return Question(
        id=f"best/{study}/{context.name}",
        study=study,
        words=f"Which level has the highest {quantity(PRIMARY).label}{f' in {context.name}' if several else ''}?",
        options=options,
        told=told if best else "nothing to compare",
        results={answer: result(answer) for answer in options},
    )


def claim_question(study: str, judged: JudgedClaim) -> Question:
    """Return the question for the verdict on a claim."""
    void = judged.verdict not in VERDICTS
    results: dict[str, Result] = {
        answer: "not graded" if void else "held" if answer == judged.verdict else "failed" for answer in VERDICTS
    }
    told = VERDICTS.get(judged.verdict, judged.verdict)
    return Question(f"claim/{study}/{judged.claim.id}", study, judged.claim.words, VERDICTS, told, results)


def read_predictions(text: str, place: str) -> dict[str, Any]:
    """Read a file of predictions; SettingError names what is wrong in `place`."""
    try:
        body = json.loads(text)
    except json.JSONDecodeError as error:
        raise SettingError(f"{place} is no JSON ({error}); export it anew from the classroom of a report") from None
    if not isinstance(body, dict) or not isinstance(body.get("predictions"), list):
        raise SettingError(f'{place} has no list "predictions"; export it from the classroom of a report')
    if body.get("format", FORMAT) != FORMAT:
        raise SettingError(
            f"{place} has format {body['format']!r}, not {FORMAT}; export it from a report of this version"
        )
    for number, one in enumerate(body["predictions"], start=1):
        if not isinstance(one, dict) or not isinstance(one.get("question"), str):
            raise SettingError(f'prediction {number} of {place} names no "question", such as "claim/dropout/drop-gap"')
    return body


def grade(asked: Sequence[Question], predictions: Iterable[Mapping[str, Any]], place: str) -> list[Graded]:
    """Return what became of each prediction; SettingError names a question or an answer that there is not."""
    known = {question.id: question for question in asked}
    graded = []
    for one in predictions:
        question = known.get(one["question"])
        if question is None:
            raise SettingError(
                f"{place} predicts {one['question']!r}, which the plan does not ask; {choices(one['question'], known)}"
            )
        answer = one.get("answer")
        if answer is not None and answer not in question.results:
            raise SettingError(f"{place} answers {answer!r} to {question.id}; {choices(str(answer), question.options)}")
        result = question.results[answer] if answer is not None else "not graded"
        graded.append(Graded(question, answer, result, before(one)))
    return graded


def before(one: Mapping[str, Any]) -> bool | None:
    """Return whether a prediction was made before the reveal, None where the file doesn't say when."""
    predicted, revealed = one.get("predicted"), one.get("revealed")
    if not isinstance(predicted, str):
        return None
    # Times in one notation, which sorts as text.
    return not isinstance(revealed, str) or predicted <= revealed
