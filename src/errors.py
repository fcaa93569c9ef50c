"""Errors that a user can act on.

Everything that a user can cause (a typo, a broken file, a missing image) is raised as a `ProjectError`. Its text says what is
wrong, where, what was found, what is allowed and what to do next; command lines print it without a traceback and exit 1.
A programmer's mistake stays an `assert` or a built-in exception and keeps its traceback.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """One problem in one place.

    `where` is `file:line:column`, `file:line` or a file; `path` the dotted config path or the JSON path inside the line;
    `rule` a stable identifier such as `bbox-order`; `got` a short rendering of what was found.
    """

    message: str
    where: str = ""
    path: str = ""
    rule: str = ""
    got: str = ""
    expected: str = ""
    remedy: str = ""

    def render(self) -> str:
        """One or two lines of plain text: place, rule, message, then got / expected / remedy."""
        head = ": ".join(part for part in (self.where, self.path) if part)
        rule = f" [{self.rule}]" if self.rule else ""
        lines = [f"{head}: {self.message}{rule}" if head else f"{self.message}{rule}"]
        details = [
            f"{name} {value}"
            for name, value in (("got", self.got), ("expected", self.expected))
            if value
        ]
        if details:
            lines.append("    " + ", ".join(details))
        if self.remedy:
            lines.append(f"    -> {self.remedy}")
        return "\n".join(lines)


class ProjectError(Exception):
    """Base of every error that a user can act on; carries one or more issues."""

    def __init__(self, *issues: Issue) -> None:
        assert issues, "an error without an issue tells the user nothing"
        super().__init__(*issues)
        self.issues: tuple[Issue, ...] = issues

    def __str__(self) -> str:
        text = "\n".join(issue.render() for issue in self.issues)
        return text if len(self.issues) == 1 else f"{len(self.issues)} problems:\n{text}"

    @classmethod
    def say(cls, message: str, **details: str) -> Self:
        """The error with a single issue, e.g. `ConfigError.say("...", where="a.yaml:3:1", remedy="...")`."""
        return cls(Issue(message=message, **details))


class ConfigError(ProjectError):
    """A config or domain pack that does not decode."""


class RecordError(ProjectError):
    """A JSONL line that breaks the data contract."""


class ImageError(ProjectError):
    """An image that is missing, damaged, disguised, too large or outside the allowed roots."""


class DataError(ProjectError):
    """A data file or data set that cannot be used as asked (missing, empty, over-long sample)."""


class EndpointError(ProjectError):
    """An inference server that cannot be reached, refuses, or answers with what is no answer."""


class UsageError(ProjectError):
    """A command called with arguments that make no sense together (exit code 2)."""
