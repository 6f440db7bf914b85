"""The terms that readers of the page meet, each with one plain definition; docs/glossary.md has the same."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from survival_multiverse.report.words.labels import arm_labels, in_sentence, named_arms
from survival_multiverse.settings.study import Study

LONGEST = 25
"""Words of a definition at most."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term and what it means.

    Attributes
    ----------
    name
        As the glossary lists it.
    definition
        At most `LONGEST` words.
    forms
        Other words for it in sentences; a plural in s needs none of its own.
    """

    name: str
    definition: str
    forms: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        """Return the id of its entry: ``term-hazard-ratio``."""
        return "term-" + re.sub(r"[^\w]+", "-", self.name.lower()).strip("-")

    @property
    def spoken(self) -> tuple[str, ...]:
        """Return everything that it is called in sentences."""
        return (re.sub(r" \(.*\)", "", self.name), *self.forms)


@dataclass(frozen=True, slots=True)
class _Names:
    """What a study calls its variables, an absent one nothing; without a study, the roles that they play."""

    exposure: str = "the exposure"
    size: str = "the size"
    count: str = "the count"
    events: str = "events"
    arms: tuple[str, ...] = ()
    """Names of the arms, where they have some."""
    ratio: bool = True
    """Whether the study answers by a hazard ratio."""

    @property
    def divided(self) -> list[str]:
        """Return what cutoffs divide."""
        return [name for name in ("" if self.arms else self.exposure, self.size) if name]


def terms(study: Study | None = None) -> list[Term]:
    """Return the terms in alphabetical order, in the words of a study or, without one, of all studies."""
    names = _Names()
    if study is not None:
        roles = (study.dose, study.gtv, study.lesions)
        exposure, size, count = (in_sentence(role.label) if role else "" for role in roles)
        arms = arm_labels(study) if named_arms(study) else ()
        names = _Names(exposure, size, count, study.terms.events, arms, study.primary_measure.ratio)
    found = [*_analyses(names), *_comparisons(names), *_doubts(names), *_patients(names)]
    return sorted(found, key=lambda term: term.name.lower())


def _analyses(names: _Names) -> list[Term]:
    return [
        Term(
            "analysis",
            "One way to analyse the data: a scenario, an estimator, a population, an adjustment set and a "
            "start of follow-up. Also called a specification.",
            ("analyses", "specification"),
        ),
        Term("multiverse", "All analyses of a study together, one for each combination of choices."),
        Term("scenario", "One option of each decision; several analyses belong to it."),
        Term(
            "equivalent decision",
            "A decision whose options estimate the same thing equally well, so that they are summarised "
            "together.",
        ),
        Term(
            "non-equivalent decision",
            "A decision whose options each estimate something else, so that they are shown apart.",
        ),
        Term(
            "uncertain decision",
            "A decision of which nobody can say whether its options are equivalent; they are shown apart and "
            "pooled.",
        ),
        Term("primary scenario", "The combination of choices that the study’s question is about."),
        Term(
            "block",
            "Analyses that estimate the same thing: they differ only in equivalent decisions. Only these are "
            "summarised together.",
        ),
        Term(
            "estimand",
            "What is to be estimated: the patients, the groups compared, the outcome, and how other "
            "variables are treated.",
        ),
        Term(
            "target trial",
            "The randomised trial that would answer the question, and that an observational study tries to "
            "emulate.",
        ),
        Term("time zero", "When follow-up starts; in a trial also when patients are eligible and assigned."),
        Term("specification curve", "The estimates of all analyses of a block, sorted by size."),
        *([_cutoff(names)] if names.divided else []),
        *([_threshold(names)] if names.count else []),
        Term(
            "attribution",
            "How much of the spread among estimates each choice explains, measured by sums of squares.",
            ("interactions between choices",),
        ),
    ]


def _cutoff(names: _Names) -> Term:
    return Term("cutoff", f"The value that divides a variable, such as {' or '.join(names.divided)}.")


def _threshold(names: _Names) -> Term:
    return Term("threshold", f"The value of {names.count} from which a patient is in the primary population.")


def _arms(names: _Names) -> list[Term]:
    """Return what the sides of a comparison are called."""
    if names.arms:
        low, high = names.arms
        return [
            Term("arm", f"Patients of one of the groups compared, {high} or {low}."),
            Term(
                "propensity score",
                f"The probability of {high} and not {low}, predicted from a patient’s covariates.",
            ),
            Term(
                "hazard ratio",
                f"The rate of {names.events} with {high} divided by the rate with {low}; below 1, longer "
                "survival.",
            ),
        ]
    return [
        Term("arm", f"Patients at or above the cutoff of {names.exposure}, or those below it."),
        Term(
            "propensity score",
            f"The probability of {names.exposure} at or above the cutoff, predicted from a patient’s "
            "covariates.",
        ),
        Term(
            "hazard ratio",
            f"The rate of {names.events} at or above the cutoff divided by the rate below it; below 1, "
            "longer survival.",
        ),
    ]


def _comparisons(names: _Names) -> list[Term]:
    return [
        *_arms(names),
        Term("matching", "Pairing each patient of the smaller arm with a similar patient of the other arm."),
        Term(
            "caliper",
            "The largest difference between two patients’ propensity scores, as log odds, at which they may "
            "be matched.",
        ),
        Term(
            "order of equal scores (tie-break)",
            "Patients with equal scores can be matched in many orders; the order is drawn at random, and "
            "repeatable.",
            ("orders of equal scores", "tie-break"),
        ),
        Term(
            "tie-break range",
            "The central 95% of a matched hazard ratio over the orders of equal scores.",
            ("over tie-breaks",),
        ),
        Term(
            "multiple outputation",
            "One estimate from many orders of equal scores: their median, with an error that leaves out the "
            "order.",
        ),
        Term(
            "overlap weights",
            "Weights that balance the arms by counting most the patients who could have been in either arm.",
            ("overlap weighting",),
        ),
        Term(
            "inverse probability weights",
            "Weights that make each arm resemble all patients: the rarer a patient’s arm for such "
            "covariates, the larger.",
            ("inverse probability weighting",),
        ),
        Term("adjustment set", "The covariates that a propensity score or a model adjusts for."),
        Term("baseline covariate", "A variable known before treatment began."),
        Term(
            "standardised mean difference (|SMD|)",
            "The difference between the arms’ means in units of their pooled standard deviation, without its "
            "sign.",
            ("standardised difference", "|SMD|", "SMD"),
        ),
        Term(
            "balance gate",
            "A limit for the standardised mean difference; below it for every baseline covariate, an "
            "analysis compares similar arms.",
            ("balanced every baseline covariate", "balance every baseline covariate"),
        ),
        Term(
            "confidence interval",
            "The values that fit the data at the stated level; an interval without "
            + ("1 excludes equal hazards." if names.ratio else "0 excludes equal survival."),
            ("CI",),
        ),
        Term(
            "restricted mean survival time",
            "The mean survival within a fixed time: the area under the survival curve up to then.",
            ("restricted mean", "mean survival within"),
        ),
    ]


def _doubts(names: _Names) -> list[Term]:
    return [
        Term(
            "E-value",
            f"How strongly something unmeasured would have to be associated with both {names.exposure} and "
            "survival to explain the result away.",
        ),
        Term(
            "bias surface",
            "What a hazard ratio would be without a hidden confounder of a given strength and spread between "
            "the arms.",
        ),
        Term(
            "negative control",
            "An outcome that cannot be affected, or an exposure that cannot affect: analyses should find "
            "nothing, and what they find is error.",
            ("negative controls",),
        ),
        Term(
            "calibrated P value",
            "A P value that allows for systematic error as large as the negative controls show.",
            ("calibrated P values",),
        ),
        Term(
            "Rosenbaum’s Γ",
            "The largest factor by which a hidden bias could multiply the odds within pairs while the test "
            "stays significant.",
            ("Rosenbaum bound", "Γ"),
        ),
        Term(
            "landmark",
            "A time from which survival is counted anew, among the patients still under observation then.",
        ),
        Term(
            "immortal time",
            f"Time that a patient must survive to complete {names.exposure}; counted as survival, it "
            f"flatters {'those who do' if names.arms else 'high values'}.",
        ),
        Term(
            "delayed entry (left truncation)",
            "Patients come under observation after time zero; nobody is seen whose event came before.",
            ("left truncation",),
        ),
        Term(
            "time-dependent exposure",
            "An exposure that counts from the time at which it begins, and as absent before.",
        ),
        Term(
            "grace period",
            "Time within which a strategy lets treatment start. Who has not started by its end no longer "
            "follows the strategy.",
        ),
        Term(
            "clones",
            "Two copies of each patient, one for each strategy, followed until they leave it; weights make "
            "up for those who left (clone-censor-weight).",
            ("clone-censor-weight",),
        ),
        Term(
            "joint test",
            "One test of all analyses of a block together, so that choosing among them gains nothing.",
            ("tested together",),
        ),
        Term(
            "null model",
            f"A way to draw data in which {names.exposure} has no effect, to see what chance alone gives.",
        ),
    ]


def _patients(names: _Names) -> list[Term]:
    return [
        Term(
            "reconstructed cohort",
            "Patients generated so that they reproduce published numbers; no row describes a person.",
            ("reconstructed patients",),
        ),
        Term(
            "data origin",
            "Where the patients come from: reconstructed from a publication, simulated, a public data set, "
            "or a file.",
        ),
        Term(
            "minimum count",
            "The smallest number of patients that is shown; larger counts are shown in classes of this "
            "width.",
        ),
    ]


class Explanations:
    """Explain each term where a page first uses it; one object for each page.

    Parameters
    ----------
    entries
        Terms, as `terms` returns them.
    """

    def __init__(self, entries: Sequence[Term]) -> None:
        self.entries = list(entries)
        self._left = {str(escape(form)).lower(): term for term in self.entries for form in term.spoken}

    def __call__(self, text: object) -> Markup:
        """Return text escaped, the first use of each term as a ``dfn`` with its definition as the title.

        What is markup already is not escaped again, and only its text is searched. A ``dfn`` can have the
        focus, so that a key or a finger shows what the mouse shows.
        """
        parts = re.split(r"(<[^>]*>)", str(escape(text)))
        return Markup("".join(part if part.startswith("<") else self._marked(part) for part in parts))

    def _marked(self, text: str) -> str:
        if not self._left:
            return text
        # The longest first: a primary scenario is no scenario.
        forms = "|".join(map(re.escape, sorted(self._left, key=len, reverse=True)))
        return re.sub(rf"(?<![\w&#-])({forms})(s?)(?![\w-])", self._wrapped, text, flags=re.IGNORECASE)

    def _wrapped(self, found: re.Match[str]) -> str:
        term = self._left.get(found[1].lower())
        if term is None:
            return found[0]
        self._left = {form: other for form, other in self._left.items() if other is not term}
        title = escape(term.definition)
        return f'<dfn class="term" tabindex="0" title="{title}">{found[0]}</dfn>'
