"""What a report of everything says of how far both archives were checked, in sentences and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orthanc_plugins.sync.differences import LEFT, RIGHT, DifferenceClass

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime


@dataclass(frozen=True)
class Stock:
    """What an archive lists.

    ``listed_at`` is when the inventory was last brought up to date, in UTC; None when it never was.
    ``extra_studies`` and ``extra_instances`` are those that the archive counts and does not list.
    """

    studies: int
    instances: int
    listed_at: datetime | None
    extra_studies: int = 0
    extra_instances: int = 0

    @property
    def extra(self) -> str:
        """What the archive counts and does not list, empty where that is nothing."""
        if not (self.extra_studies or self.extra_instances):
            return ""
        return f"{_studies(self.extra_studies)} and {_instances(self.extra_instances)}"


@dataclass(frozen=True)
class Checked:
    """How many studies are where, and what of them was compared.

    Parameters
    ----------
    left, right
        What each archive lists.
    only_left, only_right
        Studies that one archive alone holds.
    same_instances, other_instances, attributes
        Studies that both hold, as they are listed: with the same instances, or not; attributes of patient
        or study differ.
    equal, unequal, changed, never
        Studies that both hold, by their newest comparison of content: found equal, not found equal, changed
        since they were compared, never compared.
    partly
        Those of ``unequal`` that were not compared as a whole, without a difference in what was.
    differing
        Studies that both hold and that are not the same, as they are listed or in content.
    by_class
        Those of ``unequal`` in which a class of difference was found.
    oldest_equal_at
        When the oldest comparison of ``equal`` was made, None where there is none.
    """

    left: Stock
    right: Stock
    only_left: int
    only_right: int
    same_instances: int
    other_instances: int
    attributes: int
    equal: int
    unequal: int
    changed: int
    never: int
    partly: int
    differing: int
    by_class: Mapping[DifferenceClass, int]
    oldest_equal_at: datetime | None

    @property
    def both(self) -> int:
        """How many studies both archives hold."""
        return self.same_instances + self.other_instances

    @property
    def studies(self) -> int:
        """How many studies there are, each once."""
        return self.both + self.only_left + self.only_right

    @property
    def all_differing(self) -> int:
        """How many studies are not the same in both archives, as far as is known."""
        return self.differing + self.only_left + self.only_right

    @property
    def is_clean(self) -> bool:
        """Whether there are studies, all of them listed, in both archives, and found equal by content."""
        is_all_listed = not (self.left.extra or self.right.extra)
        return self.studies > 0 and is_all_listed and not self.all_differing and self.equal == self.studies

    @property
    def verdict(self) -> str:
        """What is known of both archives, in some sentences."""
        sides = ((LEFT, self.left.extra), (RIGHT, self.right.extra))
        not_listed = (
            f" {name} counts {extra} more than it lists, which were not compared."
            for name, extra in sides
            if extra
        )
        return self._of_the_listed() + "".join(not_listed)

    def _of_the_listed(self) -> str:
        if not self.studies:
            return "Both archives were asked, and neither lists a study."
        if self.all_differing:
            are = "is" if self.all_differing == 1 else "are"
            differing = (
                f"{self.all_differing:,} of {_studies(self.studies)} {are} not the same in both archives."
            )
            return f"{differing}{self._by_content()}"
        if self.equal == self.studies:
            whole = "The only study is" if self.studies == 1 else f"All {self.studies:,} studies are"
            return f"{whole} the same in both archives, down to every element and pixel."
        whole = "The only study has" if self.studies == 1 else f"All {self.studies:,} studies have"
        return f"{whole} the same instances in both archives.{self._by_content()}"

    def _by_content(self) -> str:
        """Return how many studies are known to be equal by content, and of how many nothing is known."""
        if not self.both:
            return ""
        were = "was" if self.equal == 1 else "were"
        equal = (
            f" {self.equal:,} of the {self.both:,} that both hold {were} compared by content and found equal"
        )
        unknown = self.changed + self.never
        return f"{equal}; the content of {unknown:,} is not known." if unknown else f"{equal}."

    @property
    def rows(self) -> tuple[tuple[str, str], ...]:
        """What was checked: what is counted, and how many, with what is to be known of it."""
        return (
            (f"{LEFT} holds", _stock(self.left)),
            (f"{RIGHT} holds", _stock(self.right)),
            ("Only one holds", f"{LEFT}: {_studies(self.only_left)}; {RIGHT}: {_studies(self.only_right)}"),
            ("Both hold", _studies(self.both)),
            ("Same instances", f"{_studies(self.same_instances)}, by the instances both archives list"),
            ("Other instances", _studies(self.other_instances)),
            ("Patient or study differ", f"{_studies(self.attributes)}, by the attributes both archives list"),
            ("Content equal", _studies(self.equal) + self._oldest()),
            ("Content not equal", "; ".join(self._unequal())),
            ("Content changed since", f"{_studies(self.changed)}, compared before and not as they are now"),
            ("Content never compared", _studies(self.never)),
        )

    def _oldest(self) -> str:
        """Return how old what is known is."""
        if self.oldest_equal_at is None:
            return ""
        return (
            f", down to every element and pixel; the oldest comparison is of {_moment(self.oldest_equal_at)}"
        )

    def _unequal(self) -> Iterator[str]:
        """Yield how many studies were found unequal, and how."""
        yield _studies(self.unequal)
        for kind, count in self.by_class.items():
            yield f"{_NAMES[kind]} in {count:,}"
        if self.partly:
            yield f"not compared as a whole, and no difference found, {self.partly:,}"

    def to_json(self) -> dict[str, Any]:
        """Return the same for programs; times are ISO 8601 in UTC."""
        return {
            "left": _stock_json(self.left),
            "right": _stock_json(self.right),
            "only_left": self.only_left,
            "only_right": self.only_right,
            "both": self.both,
            "same_instances": self.same_instances,
            "other_instances": self.other_instances,
            "attributes_differ": self.attributes,
            "differing": self.differing,
            "content": {
                "equal": self.equal,
                "oldest_equal_at": _iso(self.oldest_equal_at),
                "unequal": self.unequal,
                "unequal_by_class": {kind.value: count for kind, count in self.by_class.items()},
                "not_whole": self.partly,
                "changed_since": self.changed,
                "never_compared": self.never,
            },
        }


_NAMES = {
    DifferenceClass.MISSING_LEFT: f"missing in {LEFT}",
    DifferenceClass.MISSING_RIGHT: f"missing in {RIGHT}",
    DifferenceClass.COUNT: "counts",
    DifferenceClass.METADATA: "attributes",
    DifferenceClass.COERCED: "changed by the archive",
    DifferenceClass.TRANSFER_SYNTAX_ONLY: "coding only",
    DifferenceClass.PIXEL: "pixels",
}


def _stock(stock: Stock) -> str:
    listed = "never listed" if stock.listed_at is None else f"as listed {_moment(stock.listed_at)}"
    extra = f"; it counts {stock.extra} more than it lists" if stock.extra else ""
    return f"{_studies(stock.studies)}, {_instances(stock.instances)}, {listed}{extra}"


def _stock_json(stock: Stock) -> dict[str, Any]:
    return {
        "studies": stock.studies,
        "instances": stock.instances,
        "listed_at": _iso(stock.listed_at),
        "extra_studies": stock.extra_studies,
        "extra_instances": stock.extra_instances,
    }


def _studies(count: int) -> str:
    return f"{count:,} {'study' if count == 1 else 'studies'}"


def _instances(count: int) -> str:
    return f"{count:,} instance{'s' * (count != 1)}"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
