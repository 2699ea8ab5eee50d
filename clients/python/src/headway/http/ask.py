"""One question of an application to a server: signed, within a deadline, its refusal an error."""

from __future__ import annotations

from ..errors import HeadwayError
from .address import Address, token_of
from .blocking import Connection, Streamed
from .exchange import Answer, Request, Token, problem

__all__ = ["Asker"]


class Asker:
    """Sends requests, each on a connection of its own, so that threads can share it."""

    def __init__(self, address: Address, token: Token, timeout: float) -> None:
        self.address = address
        self.token = token
        self.timeout = timeout

    def whole(self, request: Request) -> Answer:
        """The answer to a request that was not refused.

        :raises HeadwayError: for one that was, or that got no answer.
        """
        answer = self.streamed(request)
        return answer.whole(self.timeout)

    def streamed(self, request: Request) -> Streamed:
        """The answer whose body has not been read. A token that is not taken is replaced once.

        :raises HeadwayError: as `whole`.
        """
        shown = token_of(self.token.current())
        answer = self._once(request, shown)
        if answer.status == 401 and self.token.can_change:
            other = token_of(self.token.current())
            if other is not None and other != shown:
                answer.close()
                answer = self._once(request, other)
        if not 200 <= answer.status < 300:
            raise self._refusal(answer)
        return answer

    def _once(self, request: Request, token: str | None) -> Streamed:
        return Connection(self.address).stream(request, token, self.timeout)

    def _refusal(self, answer: Streamed) -> HeadwayError:
        return problem(answer.whole(self.timeout))
