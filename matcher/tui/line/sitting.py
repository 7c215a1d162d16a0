"""One alert in line mode: the same state, keys and desk as the compare screen, by answers to questions.

1. Letters mean what the keys of the screen mean (`review/keys.py` decides). What is signed or ends a stage needs a
   whole word: `commit`, `scores`, `finish`, `yes`. An empty answer does nothing, and input that ends commits nothing.
2. A pair counts as shown from the moment its viewer has settled until the pair, zoom or mirror changes, or the viewer
   fails. What is not shown is triage: *same* is refused.
3. However the sitting ends, its viewer is closed; a claim that was not finished or recused is given back.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

from matcher.domain.case import Correction, Judgement, Verdict
from matcher.domain.desk import BlindAlert, ConcludedCandidate, DisclosedAlert, Stage
from matcher.domain.rooms import ReviewDesk
from matcher.errors import BadInput, MatcherError
from matcher.review import session as sessions
from matcher.review import wording
from matcher.review.intents import AskCorrection, AskRecusal, Commit, Disclose, Finish, Intent
from matcher.review.keys import press, too_small
from matcher.review.safe_text import neutralise
from matcher.review.session import Drawn
from matcher.tui.line import words
from matcher.tui.line.pair import pair_png
from matcher.tui.line.talk import Talk, unmarked
from matcher.tui.line.viewer import Showing, Viewer

T = TypeVar("T")
Answer = Callable[[], None]

MODE, NO_PICTURE = "viewer", "no picture"
_LOOKS = {"n": "n", "p": "p", "c": "tab", "z": "z", "m": "m"}  # answers, and the keys that they are
_VERDICTS = ("s", "u", "d")


class Sitting:
    """`hold` talks until the alert is finished, recused or left."""

    def __init__(
        self, desk: ReviewDesk, alert: BlindAlert, talk: Talk, viewer: Viewer, clock: Callable[[], float]
    ) -> None:
        self._desk, self._alert, self._talk, self._viewer, self._clock = desk, alert, talk, viewer, clock
        self._disclosed: DisclosedAlert | None = None
        self._showing: Showing | None = None
        self._over = self._held_no_more = False
        self._said = ""
        self.session = sessions.opened(alert, clock())
        self._unshown()

    def hold(self) -> None:
        """Raises Ended when the person closes the input."""
        try:
            self._talk.say(f"\nStage {' '.join(wording.STAGES[self.session.stage].split())}.")
            if self._viewer.why_not and self.session.stage is Stage.BLIND:
                self._talk.say(self._viewer.why_not)
            if self.session.stage is Stage.DISCLOSED:
                self._carry_out(Disclose())
            while not self._over:
                self._step()
        finally:
            self._unshown()
            if not self._held_no_more:
                self._desk.release(self.session.alert_id)

    # --- questions ----------------------------------------------------------------------------------------------------

    def _step(self) -> None:
        """One question, one answer."""
        answers = self._answers()
        if (standing := self._standing()) != self._said:
            self._said = standing
            self._talk.say(standing)
        answer = self._talk.ask(self._question(), words.AFTER if self._disclosed else words.JUDGING).lower()
        if answer in answers:
            answers[answer]()
        elif answer in (numbers := [str(at + 1) for at in range(len(self.session.candidates))]):
            self._go(numbers.index(answer))
        elif answer:
            self._talk.say("That is no answer here; ? lists them.")

    def _answers(self) -> Mapping[str, Answer]:
        looks: dict[str, Answer] = {answer: partial(self._press, key) for answer, key in _LOOKS.items()}
        looks |= {"o": self._open, "back": self._back}
        if self.session.stage is Stage.BLIND:
            judging = {key: partial(self._judge, key) for key in _VERDICTS}
            return {**looks, **judging, "k": partial(self._press, "k"), "scores": self._scores}
        return {**looks, "e": self._details, "w": partial(self._press, "w"), "t": partial(self._press, "t"),
                "finish": self._finish}  # fmt: skip

    def _standing(self) -> str:
        if self._disclosed is not None:
            return "\n" + words.disclosure(self.session, self._disclosed)
        return "\n" + words.standing_line(self.session)

    def _question(self) -> str:
        if self.session.stage is Stage.DISCLOSED:
            changes = "w withdraw same" if self._own() is Verdict.SAME else "t ask for a third reviewer"
            unseen = len(self.session.candidates) - len(self.session.seen)
            return f"e details, {changes}, {f'c next ({unseen} not looked at)' if unseen else 'finish'}, back"
        scores = ", scores (all are judged)" if self.session.all_judged else ""
        shown = "" if self._viewer.why_not else "o open in the viewer, "
        return f"{shown}d different, u undecided, s same, k I know this person{scores}, back"

    def _own(self) -> Verdict | None:
        return self.session.own(self.session.candidate.candidate_id)

    def _back(self) -> None:
        self._over = True

    def _go(self, number: int) -> None:
        while self.session.current != number:
            self._press("tab")

    # --- judging ------------------------------------------------------------------------------------------------------

    def _judge(self, key: str) -> None:
        if key == "s" and not self._may_say_same():
            return
        self._press(key)
        if (key != "s" or self._checklist()) and self._signs(words.choice_line(self.session), key == "s"):
            self._press("enter")
        else:
            self._press("escape")
            self._talk.say(words.DROPPED)

    def _signs(self, text: str, same: bool = False) -> bool:
        """Whether the person signs; *same* only while its pair is still one that was shown."""
        self._talk.say(text)
        answer = self._talk.ask("Type commit to sign this; anything else drops it")
        return answer.lower() == "commit" and (not same or self._may_say_same())

    def _may_say_same(self) -> bool:
        failed = self._showing.failed() if self._showing else ""
        if failed:
            self._talk.say(f"This pair was not shown: {failed}.")
            self._unshown()
        if not self.session.triage:
            return True
        self._talk.say(unmarked(too_small(self.session)) if self._showing else words.NOT_SHOWN)
        return False

    def _checklist(self) -> bool:
        """False when the person turns back."""
        while self.session.open_components:
            question = words.component_question(self.session.open_components[0])
            answer = self._talk.ask(question, words.FINDINGS).lower()
            if answer == "back":
                return False
            if answer in ("a", "x", "v"):
                self._press(answer)
        return True

    def _scores(self) -> None:
        if self.session.all_judged:
            self._press("enter")
        else:
            left = len(self.session.candidates) - self.session.judged
            self._talk.say(f"Not yet: {left} of {len(self.session.candidates)} candidates are not judged.")

    # --- after the score ----------------------------------------------------------------------------------------------

    def _details(self) -> None:
        if self._disclosed is not None:
            self._talk.say(words.details(words.disclosed_candidate(self.session, self._disclosed)))

    def _finish(self) -> None:
        before = self.session.current
        self._press("enter")
        if self.session.current != before:
            self._talk.say("Look at every candidate before you finish: here is one that you have not seen.")

    # --- keys and what they ask for -----------------------------------------------------------------------------------

    def _press(self, key: str) -> None:
        """What the key means, carried out; an answer is no key that repeats itself."""
        self.session, intent = press(replace(self.session, last_key="", message=""), key, self._clock())
        if not self.session.drawn.ready:
            self._unshown()
        if self.session.message:
            self._talk.say(f"{unmarked(self.session.message)}.")
        if intent is not None:
            self._carry_out(intent)

    def _carry_out(self, intent: Intent) -> None:
        alert_id = self.session.alert_id
        match intent:
            case Commit(judgement):
                self._tell(partial(self._desk.judge, alert_id, judgement), partial(self._saved, judgement))
            case Disclose():
                self._tell(partial(self._desk.disclose, alert_id), self._show_disclosed)
            case Finish():
                self._tell(partial(self._desk.finish, alert_id), self._show_concluded)
            case AskRecusal():
                self._ask_recusal()
            case AskCorrection(correction):
                self._ask_correction(correction)

    def _tell(self, call: Callable[[], T], then: Callable[[T], None]) -> None:
        """Calls the desk, then `then` with its answer; a refusal is said and changes nothing."""
        try:
            answer = call()
        except MatcherError as error:
            self.session = replace(self.session, busy=False)
            self._talk.say(f"{unmarked(str(error))}.")
            # Without scores there is no stage 2: an alert that was left there and is refused now is left again.
            self._over = self._over or (self.session.stage is Stage.DISCLOSED and self._disclosed is None)
        else:
            then(answer)

    def _saved(self, judgement: Judgement, _: None) -> None:
        self._talk.say(f"Signed: {judgement.verdict.value}.")
        self.session = sessions.saved(self.session, judgement, self._clock())
        self._unshown()

    def _show_disclosed(self, disclosed: DisclosedAlert) -> None:
        self._disclosed = disclosed
        self.session = sessions.disclosed(self.session, self._clock())
        self._unshown()
        self._talk.say(f"\nStage {' '.join(wording.STAGES[Stage.DISCLOSED].split())}.")

    def _show_concluded(self, concluded: Sequence[ConcludedCandidate]) -> None:
        self.session = sessions.finished(self.session)
        self._over = self._held_no_more = True
        self._talk.say(f"\nStage {' '.join(wording.STAGES[Stage.FINISHED].split())}.")
        self._talk.say(words.outcome(concluded))

    def _ask_recusal(self) -> None:
        self._talk.say(wording.RECUSAL)
        agreed = self._talk.ask("Type yes if you know this person; anything else goes on judging").lower() == "yes"
        self.session = replace(self.session, asking=False)
        if agreed:
            self._tell(partial(self._desk.recuse, self.session.alert_id, wording.KNOWN_PERSON), self._recused)

    def _recused(self, _: None) -> None:
        self._over = self._held_no_more = True
        self._talk.say(wording.RECUSED)

    def _ask_correction(self, correction: Correction) -> None:
        self._talk.say(unmarked(" ".join(wording.correction_question(correction))))
        answer = self._talk.ask("The reason, in your own words; an empty line changes nothing")
        reason = neutralise(answer[: wording.LONGEST_REASON])
        signed = bool(reason) and self._signs(f"Your reason: {reason}")
        self.session = replace(self.session, asking=False)
        if not signed:
            return self._talk.say(words.DROPPED)
        made = replace(correction, reason=reason)
        return self._tell(partial(self._desk.correct, self.session.alert_id, made), partial(self._corrected, made))

    def _corrected(self, correction: Correction, _: None) -> None:
        self.session = replace(sessions.corrected(self.session, correction), message="")
        self._talk.say("Noted and signed.")

    # --- the viewer ---------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        """Shows the pair at hand in the viewer, which stays until the pair changes."""
        if self._viewer.why_not:
            return self._talk.say(self._viewer.why_not)
        self._unshown()
        view, reference = self.session.view, self.session.reference
        pictures = self._alert.probe, self._alert.candidates[self.session.current].references[reference]
        try:
            png, pixels = pair_png(*pictures, view)
        except BadInput as error:
            return self._talk.say(f"This pair cannot be shown: {error}.")
        showing = self._viewer.show(png)
        if showing.failed():
            self._talk.say(f"This pair was not shown: {showing.failed()}.")
            return showing.close()
        self._showing = showing
        self.session = replace(self.session, drawn=Drawn(True, MODE, pixels))
        return self._talk.say(f"In your viewer: probe on the left, reference on the right, faces {pixels} pixels high.")

    def _unshown(self) -> None:
        """Takes the pair away: nothing stands before the person's eyes."""
        if self._showing is not None:
            self._showing.close()
            self._showing = None
        self.session = replace(self.session, drawn=Drawn(True, NO_PICTURE, 0))
