"""What is watched, and what the frames of a stream say of it.

Whoever has a way to a server opens the stream, sends the messages that it wants sent, and gives it what
comes. Where nothing can be sent it is never open: what is watched is in the address of the next connection.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .connection import Refusal, TransportName
from .frame import Frame
from .lane import Applied, Lane
from .names import Names, Subject
from .output import Happened, JobChanged, News, SubscriptionChanged
from .selection import Selection, subscribe
from .subscriptions import Subscriptions

__all__ = ["Stream"]


class Stream:
    """Subscriptions, what was seen of their jobs, and the names that stand on the connection."""

    def __init__(self) -> None:
        self._subscriptions = Subscriptions()
        self._names = Names()
        # The names under which events were asked for and nothing was answered yet. With it the job, if they
        # were asked for from a position: until the answer nothing of that job is taken, because what comes
        # before may pass over events that only the answer brings. All of it comes again.
        self._asked: dict[str, str | None] = {}
        # The jobs of which something was not taken for that reason.
        self._passed: set[str] = set()
        self._messages: deque[Frame] = deque()
        self._news: deque[News] = deque()
        #: Whether messages can be sent.
        self.is_open = False

    def poll_message(self) -> Frame | None:
        """The next message to send."""
        return self._messages.popleft() if self._messages else None

    def poll_news(self) -> News | None:
        """The next thing to tell."""
        return self._news.popleft() if self._news else None

    def lane(self, job: str) -> Lane | None:
        """What is known of a job that is watched."""
        return self._subscriptions.lane(job)

    def lanes(self, key: str) -> list[tuple[str, Lane]]:
        """What is known of all jobs that a subscription brings."""
        return list(self._subscriptions.lanes(key))

    def refusal(self, key: str) -> Refusal | None:
        """Why a subscription is not served; ``None`` when it is."""
        return self._subscriptions.refusal(key)

    def standing(self, transport: TransportName) -> list[tuple[str, Selection]]:
        """Subscriptions of which something may still come."""
        return self._subscriptions.standing(transport)

    def cursor(self, selection: Selection) -> str | None:
        """The position to come back from, for what has one."""
        return self._subscriptions.cursor(selection)

    @property
    def has_settled(self) -> bool:
        """Whether something has ended of which only messages would tell more."""
        return len(self.standing("websocket")) > len(self.standing("poll"))

    def doubt(self) -> None:
        """What has ended is asked for again: another attempt may have begun."""
        self._subscriptions.doubt()

    def selections(self, transport: TransportName) -> list[Selection]:
        """What a stream without messages has to bring."""
        own = [selection for _, selection in self.standing(transport)]
        return own + [self._look_up(job) for job in self._look_ups()]

    def subscribe(self, key: str, selection: Selection) -> bool:
        """Adds a selection, or a reader of one that is there. Whether there is more to ask for."""
        if not self._subscriptions.add(key, selection):
            return False
        if self.refusal(key) is not None:
            self._news.append(SubscriptionChanged(key))
            return False
        if self.is_open:
            # Whoever is shown a state that is here already misses no event after it.
            self._ask(Subject(key=key), selection, self.cursor(selection) if selection.events else None)
        return True

    def unsubscribe(self, key: str) -> bool:
        """One reader less. Whether it was the last."""
        gone = self._subscriptions.remove(key)
        if gone is None:
            return False
        self._withdraw(lambda subject: subject.key == key or subject.looked_up in gone)
        return True

    def forgive(self) -> None:
        """Another try for all that was refused."""
        self._news.extend(SubscriptionChanged(key) for key in self._subscriptions.forgive())

    def open(self) -> None:
        """Messages can be sent from now on: asks for everything, each from the position held."""
        self.is_open = True
        for key, selection in self.standing("websocket"):
            self._ask(Subject(key=key), selection, self.cursor(selection))
        for job in self._look_ups():
            selection = self._look_up(job)
            self._ask(Subject(looked_up=job), selection, self.cursor(selection))

    def close(self) -> None:
        """The way is gone."""
        self.is_open = False
        self._names.clear()
        self._asked.clear()
        self._passed.clear()
        self._messages.clear()

    def take(self, frame: Frame) -> bool:
        """Takes a frame of a job. Whether it does not fit what is held, and no snapshot can be asked for."""
        job = frame["job"]
        if job in self._asked.values():
            self._passed.add(job)
            return False
        lane = self._subscriptions.lane_of(frame)
        # What nobody watches any more may still be on its way.
        if lane is None:
            return False
        match lane.apply(frame):
            case Applied.KNOWN:
                return False
            case Applied.CHANGED:
                happened = frame["type"] in ("event", "gap")
                self._news.append(Happened(frame) if happened else JobChanged(job))
                if frame["type"] == "end":
                    self._withdraw(lambda subject: subject.looked_up == job)
                return False
            case Applied.HOLE:
                if self.is_open:
                    self._resubscribe(job)
                return not self.is_open

    def subscribed(self, name: str) -> None:
        """The server serves what a name stands for."""
        asked = name in self._asked
        job = self._asked.pop(name, None)
        if job is not None:
            self._passed.discard(job)
        # Nobody wants it any more; that is said now, so that each question has its answer.
        if asked and self._names.find(name) is None:
            self._messages.append({"type": "unsubscribe", "id": name})

    def refused(self, name: str, refusal: Refusal) -> None:
        """The server does not serve what a name stands for."""
        job = self._asked.pop(name, None)
        subject = self._subject(name)
        self._names.drop(name)
        if subject is not None and subject.key is not None:
            self.refuse(subject.key, refusal)
        elif subject is not None and subject.looked_up is not None:
            self.lose(subject.looked_up)
        # What was not taken for its sake does not come again by itself.
        if job in self._passed and job not in self._asked.values():
            self._passed.discard(job)
            if self._subscriptions.is_served(job):
                self._resubscribe(job)

    def refuse(self, key: str, refusal: Refusal) -> None:
        """A subscription is not served."""
        if self._subscriptions.refuse(key, refusal):
            self._news.append(SubscriptionChanged(key))

    def lose(self, job: str) -> None:
        """A job is not there any more."""
        if self._subscriptions.lose(job):
            self._news.append(JobChanged(job))

    def forget(self, job: str) -> None:
        """Lets go of what is known of a job, which is no news."""
        self._subscriptions.lose(job)

    def finish(self) -> None:
        """The server said that every end was seen."""
        self._news.extend(JobChanged(job) for job in self._subscriptions.finish())

    def _look_ups(self) -> list[str]:
        """Jobs to ask for by name beside what is subscribed."""
        asked, forgotten = self._subscriptions.look_ups()
        for job in forgotten:
            self.lose(job)
        return asked

    def _look_up(self, job: str) -> Selection:
        """A job by its name, with the events that its selectors want: they cannot say where those go on."""
        return Selection("job", job, self._subscriptions.events_of(job))

    def _resubscribe(self, job: str) -> None:
        """Asks for a snapshot of a job, and for the events since the last frame that fitted."""
        entries = self._subscriptions.to(job)
        keys = {key for key, _ in entries}
        self._withdraw(lambda subject: subject.key in keys if subject.key else subject.looked_up == job)
        for key, selection in entries:
            self._ask(Subject(key=key), selection, self.cursor(selection))
        if not entries:
            selection = self._look_up(job)
            self._ask(Subject(looked_up=job), selection, self.cursor(selection))

    def _subject(self, name: str) -> Subject | None:
        """What a name on the wire stands for.

        Where names cannot be chosen the server makes them of what is watched.
        """
        chosen = self._names.find(name)
        if chosen is not None or self.is_open:
            return chosen
        key = self._subscriptions.called(name)
        if key is not None:
            return Subject(key=key)
        return Subject(looked_up=name.removeprefix("job:")) if name.startswith("job:") else None

    def _ask(self, subject: Subject, selection: Selection, cursor: str | None) -> None:
        """Subscribes by a name that is used once."""
        name = self._names.take(subject)
        if selection.events:
            self._asked[name] = None if cursor is None else selection.job
        self._messages.append(subscribe(name, selection, cursor))

    def _withdraw(self, which: Callable[[Subject], bool]) -> None:
        for name in self._names.withdraw(which):
            if self.is_open and name not in self._asked:
                self._messages.append({"type": "unsubscribe", "id": name})
