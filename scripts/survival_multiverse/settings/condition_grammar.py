"""Grammar of the conditions in a configuration; `conditions` says who meets them.

Comparisons are ``age >= 18``, ``18 <= age < 80``, ``stage == III``, ``stage not in (III, IV)``,
``ecog is missing`` and ``ecog is known``; ``not``, ``and``, ``or`` (the first binds closest) and brackets
join them. Each has one name: the left side if both are words, in backquotes if it is no identifier. The other
side is a number, a word of letters, digits and ``_ . - +``, or a text in quotes; ``none`` is infinity, as in
a caliper.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from survival_multiverse.settings.values import canonical_text, level_text, option_number

DEEPEST = 20
KEYWORDS = ("and", "or", "not", "in", "is", "missing", "known")
OPPOSITE = {
    "==": "!=",
    "!=": "==",
    "<": ">=",
    ">=": "<",
    ">": "<=",
    "<=": ">",
    "missing": "known",
    "known": "missing",
}
MIRRORED = {"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
MEANT = {"=": "==", "<>": "!=", "=<": "<=", "=>": ">=", "≠": "!=", "≤": "<=", "≥": ">="}
MEANT |= {"&": "and", "&&": "and", "|": "or", "||": "or"}
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
WORD = re.compile(r"[\w.+-]+")
CONTROL = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff"
TOKEN = re.compile(
    rf"""(?P<name>`[^`{CONTROL}]+`)|(?P<text>"[^"{CONTROL}]+"|'[^'{CONTROL}]+')|(?P<mark>[(),])"""
    rf"|(?P<relation>[=<>!&|≠≤≥]+)|(?P<word>{WORD.pattern})|(?P<blank>[ \t\r\n]+)|(?P<fault>.)",
    re.DOTALL,
)
Literal = float | str


class ConditionError(ValueError):
    """A condition that cannot be read or does not fit its values: what, where and what to do, on one line."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A name beside literals: ``==`` to any, ``!=`` to all, above or below one; without them ``missing``."""

    name: str
    relation: str
    literals: tuple[Literal, ...] = ()

    def __str__(self) -> str:
        plain = IDENTIFIER.fullmatch(self.name) and self.name not in (*KEYWORDS, "none")
        name = self.name if plain else f"`{self.name}`"
        literals = ", ".join(map(_written, self.literals))
        if len(self.literals) > 1:
            return f"{name} {'in' if self.relation == '==' else 'not in'} ({literals})"
        return f"{name} {self.relation} {literals}" if literals else f"{name} is {self.relation}"


@dataclass(frozen=True, slots=True)
class Group:
    """Two or more parts that a word joins, ``and`` or ``or``; none is a group of the same word."""

    word: str
    parts: tuple["Comparison | Group", ...]

    def __str__(self) -> str:
        inner = "({})" if self.word == "and" else "{}"
        texts = (inner.format(part) if isinstance(part, Group) else str(part) for part in self.parts)
        return f" {self.word} ".join(texts)


Node = Comparison | Group


def read(text: str) -> Node:
    """Return the comparisons of a text, joined; a `ConditionError` if it is no condition."""
    return _Reader(text).read()


class _Token(NamedTuple):
    kind: str
    text: str
    start: int

    def __str__(self) -> str:
        if self.kind == "end":
            return "the end"
        piece = self.text if len(self.text) <= 30 else f"{self.text[:27]}..."
        piece = "".join(char if char.isprintable() else f"U+{ord(char):04X}" for char in piece)
        return f"{piece if '`' in piece else f'`{piece}`'} at character {self.start + 1}"

    @property
    def may_be_name(self) -> bool:
        return self.kind == "name" or (self.kind == "word" and self.text != "none")


class _Reader:
    """Reads tokens from left to right; each method reads one part of the grammar."""

    def __init__(self, text: str) -> None:
        self.tokens = [*_tokens(text), _Token("end", "", len(text))][::-1]

    @property
    def token(self) -> _Token:
        return self.tokens[-1]

    def accept(self, *texts: str) -> bool:
        """Read these keywords or marks if they come next."""
        ahead = self.tokens[: -len(texts) - 1 : -1]
        fits = [token.text for token in ahead if token.kind in ("keyword", "mark")] == [*texts]
        if fits:
            del self.tokens[-len(texts) :]
        return fits

    def read(self) -> Node:
        if self.token.kind == "end":
            raise ConditionError("the condition is empty; write a comparison such as age >= 18")
        tree = self.joined("or", 0)
        if self.token.kind != "end":
            lower = self.token.text.lower()
            advice = (
                f"write {lower}"
                if lower in ("and", "or")
                else "write `and` or `or` before it, or leave it out"
            )
            raise ConditionError(f"{self.token} does not continue the condition; {advice}")
        return tree

    def joined(self, word: str, depth: int) -> Node:
        """Read what `or` joins, each part of it what `and` joins."""
        below: Callable[[int], Node] = partial(self.joined, "and") if word == "or" else self.part
        parts = [below(depth)]
        while self.accept(word):
            parts.append(below(depth))
        return _group(word, parts)

    def part(self, depth: int) -> Node:
        denied, opening = self.accept("not"), self.token
        if not self.accept("("):
            tree = self.comparison()
        elif depth == DEEPEST:
            raise ConditionError(f"{opening} lies in {DEEPEST} others, the most there may be; write fewer")
        else:
            tree = self.joined("or", depth + 1)
            if not self.accept(")"):
                raise ConditionError(
                    f"{opening} is not closed before {self.token}; write ), `and` or `or` there"
                )
        return _denied(tree) if denied else tree

    def comparison(self) -> Node:
        first = self.operand()
        if self.token.kind == "relation":
            relation, second = self.tokens.pop().text, self.operand()
            if self.token.kind == "relation":
                return _chain(first, relation, second, self.tokens.pop().text, self.operand())
            return _pair(first, relation, second)
        if self.accept("is", "missing"):
            return Comparison(_name(first), "missing")
        if self.accept("is", "known") or self.accept("is", "not", "missing"):
            return Comparison(_name(first), "known")
        if self.accept("in", "("):
            return Comparison(_name(first), "==", self.literals())
        if self.accept("not", "in", "("):
            return Comparison(_name(first), "!=", self.literals())
        forms = "== != < <= > >=, in (...), not in (...), is missing or is known"
        raise ConditionError(f"{first} comes before {self.token}; write after it one of {forms}")

    def literals(self) -> tuple[Literal, ...]:
        literals = [_literal(self.operand())]
        while self.accept(","):
            literals.append(_literal(self.operand()))
        if not self.accept(")"):
            raise ConditionError(f"{self.token} does not continue the list; write , or ) before it")
        return tuple(literals)

    def operand(self) -> _Token:
        if self.token.kind in ("keyword", "mark", "relation", "end"):
            quotes = ", in quotes if it is this word" if self.token.kind == "keyword" else ""
            raise ConditionError(f"{self.token} stands where a name or value is needed; write one{quotes}")
        return self.tokens.pop()


def _tokens(text: str) -> Iterator[_Token]:
    for match in TOKEN.finditer(text):
        token = _Token(match.lastgroup or "", match[0], match.start())
        if token.kind == "relation" and token.text not in MIRRORED:
            meant = MEANT.get(token.text, "one of == != < <= > >=")
            raise ConditionError(f"{token} is no operator; write {meant}")
        if token.kind == "fault":
            raise ConditionError(f"{token} has no meaning here; {_remedy(token.text)}")
        if token.kind == "word" and token.text in KEYWORDS:
            token = token._replace(kind="keyword")
        elif token.kind == "word" and NUMBER.fullmatch(token.text):
            token = token._replace(kind="number")
        if token.kind != "blank":
            yield token


def _remedy(character: str) -> str:
    if character in "`\"'":
        return "close it on its line, around printable characters"
    return "leave it out, or put a text in quotes" if character.isprintable() else "leave it out"


def _name(token: _Token) -> str:
    if token.kind == "name":
        return token.text[1:-1]
    if not token.may_be_name or not IDENTIFIER.fullmatch(token.text):
        raise ConditionError(f"{token} is no name; write one, in backquotes if it is more than a word")
    return token.text


def _literal(token: _Token) -> Literal:
    if token.kind == "name":
        raise ConditionError(f"{token} is a name where a value is needed; compare one name with values")
    if token.kind != "number":
        return token.text[1:-1] if token.kind == "text" else token.text
    number = float(token.text) + 0.0  # -0 is 0.
    if abs(number) > 1e300 or float(level_text(number)) != number:
        raise ConditionError(f"{token} is no number of at most 15 digits; write one, or a text in quotes")
    return number


def _pair(left: _Token, relation: str, right: _Token) -> Comparison:
    if not left.may_be_name:
        left, relation, right = right, MIRRORED[relation], left
    name, value = _name(left), _literal(right)
    if relation in ORDER:
        if isinstance(value, str) and value != "none":
            raise ConditionError(f"{right} is a text where an order needs a number; write one, or use ==")
        value = option_number(value)
    return Comparison(name, relation, (value,))


def _chain(low: _Token, first: str, name: _Token, second: str, high: _Token) -> Node:
    if low.may_be_name or not name.may_be_name or {first[0], second[0]} not in ({"<"}, {">"}):
        raise ConditionError(f"{name} stands in no chain; write one as 18 <= age < 80, or write and")
    return _group("and", [_pair(low, first, name), _pair(name, second, high)])


def _group(word: str, parts: list[Node]) -> Node:
    nested = (part.parts if isinstance(part, Group) and part.word == word else (part,) for part in parts)
    return parts[0] if len(parts) == 1 else Group(word, tuple(part for inner in nested for part in inner))


def _denied(node: Node) -> Node:
    """Return the opposite, by De Morgan's laws; they hold for three values, too."""
    if isinstance(node, Comparison):
        return Comparison(node.name, OPPOSITE[node.relation], node.literals)
    return Group("or" if node.word == "and" else "and", tuple(map(_denied, node.parts)))


def _written(literal: Literal) -> str:
    if not isinstance(literal, str):
        return canonical_text(literal)
    if WORD.fullmatch(literal) and not NUMBER.fullmatch(literal) and literal not in KEYWORDS:
        return literal
    return f"'{literal}'" if '"' in literal else f'"{literal}"'
