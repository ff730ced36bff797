"""FlightAI's desk: prices, flights and bookings, each answer a sentence ready to be said.

Half a billion parameters repeat a sentence well and work one out badly. So the tools say whole
sentences, name the cheapest city themselves, and ask back about a city that is misspelt.
"""

from __future__ import annotations

import re
import unicodedata
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from ..tools.running import said
from ..tools.tool import Tool
from .database import Database

if TYPE_CHECKING:
    import apsw


class Airline:
    """The tools of one conversation: it remembers the prices that were asked for."""

    def __init__(self, database: Database | None = None) -> None:
        self.database = database or Database("airline")
        self._asked: dict[str, int] = {}

    def tools(self) -> list[Tool]:
        return [
            Tool(self.ticket_price),
            Tool(self.flight_status),
            Tool(self.what_is_booked),
            Tool(self.book, acts=True),
            Tool(self.change_booking, acts=True),
            Tool(self.cancel_booking, acts=True),
        ]

    def ticket_price(self, cities: list[str]) -> str:
        """The price of a ticket: how much does it cost to fly to a city.

        Args:
            cities: every city asked about, as the customer wrote it
        """
        names = _meant([name for each in cities for name in _several(each)])
        if not names:
            return "Which city would you like to fly to?"
        prices: dict[str, int] = {}
        unknown = []
        with self.database.opened() as db:
            for name in names:
                if (city := _city(db, name)) is None:
                    # said first and in the words of the answer, or a small model invents a price
                    written = _misspelt(_plain(name)) or name
                    unknown.append(f"The ticket price for {written} is not known.")
                    unknown.append(_unknown(db, name))
                else:
                    prices[city] = _flight(db, city)[1]
        self._asked |= prices
        return " ".join([*([self._priced(prices)] if prices else []), *unknown])

    def _priced(self, prices: dict[str, int]) -> str:
        """The prices in one sentence, the cheapest city of the conversation named in it."""
        cheapest = self._cheapest()
        if len(prices) == 1:
            ((city, price),) = prices.items()
            text = f"A ticket to {city} costs ${price}"
        else:  # words that stay true where a small model puts others before them
            named = [f"${price} to {city}" for city, price in prices.items()]
            text = f"The tickets cost {', '.join(named[:-1])} and {named[-1]}"
        if cheapest and len(self._asked) > 1:
            text += f"; {cheapest} is the cheapest (${self._asked[cheapest]})"
        return f"{text}."

    def _cheapest(self) -> str | None:
        """The cheapest of the cities whose price was asked for."""
        return min(self._asked, key=lambda city: self._asked[city], default=None)

    def flight_status(self, flight: str) -> str:
        """Whether a flight is on time, delayed or cancelled, and when it departs.

        Args:
            flight: the city, or the flight's number
        """
        with self.database.opened() as db:
            found: Any = db.execute(
                "select * from flights where number = ?", (re.sub(r"\W", "", flight).upper(),)
            ).fetchone()
            if found is None:
                city = _city(db, flight)
                if city is None:
                    return _unknown(db, flight)
                found = db.execute("select * from flights where city = ?", (city,)).fetchone()
        number, city, departs, status = found
        return f"Flight {number} to {city} departs at {departs}; it is {status}."

    def what_is_booked(self) -> str:
        """What did you book for me? The tickets that are booked already, and their numbers."""
        with self.database.opened() as db:
            found: Any = db.execute(
                "select number, city, price, flight from bookings where not cancelled "
                "order by number desc limit 5"
            ).fetchall()
        if not found:
            return "Nothing is booked."
        booked = [
            f"a ticket to {city} for ${price}, flight {flight}, booking number {number}"
            for number, city, price, flight in found
        ]
        before = f" Before that: {'; '.join(booked[1:])}." if len(booked) > 1 else ""
        return f"You booked {booked[0]}.{before}"

    def book(self, city: str) -> str:
        """Book a new ticket to a city.

        Args:
            city: the one city to fly to
        """
        with self.database.opened() as db:
            known = _city(db, city)
            if known is None:
                return f"Nothing was booked. {_unknown(db, city)}"
            cheapest = self._cheapest()
            if cheapest and known != cheapest and _asks_for_the_cheapest(known):
                return (
                    f"Nothing was booked. The cheapest ticket is to {cheapest}, for "
                    f"${self._asked[cheapest]}: is that the one to book?"
                )
            flight, price = _flight(db, known)
            db.execute(
                "insert into bookings (city, flight, price) values (?, ?, ?)",
                (known, flight, price),
            )
            number = db.last_insert_rowid()
        return (
            f"Your ticket to {known} is booked for ${price}: flight {flight}, booking number "
            f"{number}."
        )

    def change_booking(self, booking: int, city: str) -> str:
        """Change a booking to another city.

        Args:
            booking: the booking number
            city: the new city
        """
        with self.database.opened() as db:
            old, known = _booked(db, booking), _city(db, city)
            if old is None:
                return f"Nothing was changed. There is no booking {booking}."
            if known is None:
                return f"Nothing was changed. {_unknown(db, city)}"
            flight, price = _flight(db, known)
            db.execute(
                "update bookings set city = ?, flight = ?, price = ? where number = ?",
                (known, flight, price, booking),
            )
        return (
            f"Booking {booking} was changed from {old} to {known}, flight {flight}, for ${price}."
        )

    def cancel_booking(self, booking: int) -> str:
        """Cancel a booking.

        Args:
            booking: the booking number
        """
        with self.database.opened() as db:
            city = _booked(db, booking)
            if city is None:
                return f"Nothing was cancelled. There is no booking {booking}."
            db.execute("update bookings set cancelled = 1 where number = ?", (booking,))
        return f"Booking {booking} to {city} was cancelled."


def _several(names: str) -> list[str]:
    found = re.split(r"\s*(?:[,;/&+]|\band\b|\bor\b)\s*", names)
    return [name for name in found if name.strip()]


def _plain(name: str) -> str:
    """Without case, accents and signs: `SAO PAULO` is `São Paulo`."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return " ".join(re.sub(r"[^a-z ]", "", letters).split())


def _cities(db: apsw.Connection) -> dict[str, str]:
    return {_plain(str(city)): str(city) for (city,) in db.execute("select city from cities")}


def _city(db: apsw.Connection, name: str) -> str | None:
    """The city of this name in any case; `None` too where the customer wrote it in another way:
    a small model mends `Londno` without a word."""
    plain = _plain(name)
    return None if _misspelt(plain) else _cities(db).get(plain)


def _meant(names: list[str]) -> list[str]:
    """Each name once: those that the customer's message has, where it has any. A small model
    asks again about the cities of the messages before."""
    words = f" {_plain(said.get())} "
    written = [name for name in names if f" {_plain(name)} " in words or _misspelt(_plain(name))]
    return list(dict.fromkeys(written or names))


def _asks_for_the_cheapest(city: str) -> bool:
    """Whether the customer's message asks for that, and does not name `city`: a small model may
    choose another."""
    words = f" {_plain(said.get())} "
    return " cheap" in words and f" {_plain(city)} " not in words


def _misspelt(city: str) -> str | None:
    """The word of the customer's that is nearly, and not quite, `city`."""
    words = _plain(said.get()).split()
    length = len(city.split())
    written = [" ".join(words[i : i + length]) for i in range(len(words) - length + 1)]
    near = [] if city in written else get_close_matches(city, written, n=1, cutoff=0.8)
    return near[0].capitalize() if near else None


def _unknown(db: apsw.Connection, name: str) -> str:
    """A misspelt city is asked back, never guessed; for any other there is no price."""
    cities = _cities(db)
    near = get_close_matches(_plain(name), cities, n=1, cutoff=0.7)
    if near:
        name = _misspelt(near[0]) or name
        return f"I do not know the city {name}. Did you mean {cities[near[0]]}?"
    return f"We do not fly to {name}."


def _flight(db: apsw.Connection, city: str) -> tuple[str, int]:
    """Number of the flight to a city, and the price."""
    found: Any = db.execute(
        "select number, price from flights join cities using (city) where city = ?", (city,)
    ).fetchone()
    return found[0], found[1]


def _booked(db: apsw.Connection, booking: int) -> str | None:
    """Where a booking goes to; `None`: there is no such booking, or it was cancelled."""
    found: Any = db.execute(
        "select city from bookings where number = ? and not cancelled", (booking,)
    ).fetchone()
    return found[0] if found else None
