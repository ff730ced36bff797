"""Calls of hosts over loopback, through both transports: replies, faults, retries, cancelling."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import socket
import threading
import time
from email.utils import formatdate
from typing import Any

import pytest

from host_server import (
    Host,
    answer,
    broken,
    chunked,
    fails,
    hang_up,
    host,
    says,
    stalled,
    stream_of,
)
from hosted_models import DIALECTS, KEY, PATIENT, QUICK, REQUEST, TRANSPORTS, ask, model
from pellucid.calls import Call
from pellucid.chat import Chat
from pellucid.errors import (
    BadReply,
    IncompleteReply,
    MissingKey,
    NotFound,
    NotPermitted,
    Overloaded,
    ProviderError,
    QuotaExceeded,
    RateLimited,
    RedirectRefused,
    Rejected,
    ServerFault,
    Stalled,
    Unreachable,
    WrongKey,
)
from pellucid.messages import Request, text_message
from pellucid.models import retries
from pellucid.models.http import Client, Timeouts
from pellucid.models.http_async import AsyncClient
from pellucid.models.scripted import Scripted
from pellucid.record.receipt import Receipt
from pellucid.replies import Finish, Sent, TextDelta
from work import SOON

pytestmark = pytest.mark.timeout(60)
both = pytest.mark.parametrize("transport", TRANSPORTS)
each = pytest.mark.parametrize("dialect", DIALECTS)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait a hundredth of their time; no proxy of the machine is in the way."""
    monkeypatch.setattr(retries, "FIRST_WAIT", 0.005)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)


# -- replies


@both
@each
def test_a_reply_and_its_exchange(transport: str, dialect: str) -> None:
    with host(says(dialect)) as server:
        outcome = ask(model(server.base, dialect), transport)
    assert outcome.error is None
    assert outcome.text == "Hello there, you."
    assert isinstance(outcome.events[0], Sent)
    assert isinstance(outcome.events[-1], Finish)
    exchange = outcome.exchange
    assert exchange.sent == server.asked[0].body
    assert bytes(exchange.received) == stream_of(dialect)[0]
    assert (exchange.method, exchange.status, exchange.retries) == ("POST", 200, [])
    assert json.loads(exchange.sent)
    assert KEY in str(server.asked[0].headers)
    assert KEY not in repr(exchange)


@both
@each
def test_any_chunking_is_the_same_reply(transport: str, dialect: str, full: bool) -> None:
    data, media = stream_of(dialect, "Grüße, 世界 👋🏽 and all of you.")
    chance = random.Random(7)
    acts = []
    for _ in range(1000 if full else 12):
        cuts = sorted(chance.sample(range(1, len(data)), 9))
        pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
        acts.append(chunked(*pieces, media=media))
    with host(*acts) as server:
        found = [ask(model(server.base, dialect), transport).events[1:] for _ in acts]
    assert all(events == found[0] for events in found)
    assert len(found[0]) > 5


@both
@each
def test_a_stream_cut_anywhere_is_an_error_that_keeps_what_came(
    transport: str, dialect: str, full: bool
) -> None:
    data, media = stream_of(dialect)
    offsets = range(1, len(data), 1 if full else 67)
    with host(*(broken(data[:n], media=media) for n in offsets)) as server:
        for n in offsets:
            outcome = ask(model(server.base, dialect), transport, Timeouts(2, 5, 5))
            assert isinstance(outcome.error, IncompleteReply), f"cut at {n}: {outcome.error!r}"
            assert not any(isinstance(event, Finish) for event in outcome.events)
            assert "Hello there, you.".startswith(outcome.text)
            assert bytes(outcome.exchange.received) == data[:n]
    assert len(server.asked) == len(offsets)  # none was tried again


@both
def test_a_stream_that_ends_early_but_cleanly_is_incomplete(transport: str) -> None:
    data, _ = stream_of("openai")
    with host(chunked(data[:-80])) as server:
        outcome = ask(model(server.base), transport)
    assert isinstance(outcome.error, IncompleteReply)
    assert outcome.text == "Hello there, you."


@both
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_packed_answer_is_unpacked(transport: str, coding: str) -> None:
    import zlib

    data, _ = stream_of("openai")
    packed = gzip.compress(data) if coding == "gzip" else zlib.compress(data)
    halves = (packed[:50], packed[50:])
    with host(chunked(*halves, Content_Encoding=coding)) as server:
        outcome = ask(model(server.base), transport)
    assert outcome.text == "Hello there, you."
    assert bytes(outcome.exchange.received) == data


@both
@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_an_answer_that_cannot_be_unpacked(transport: str, coding: str) -> None:
    with host(chunked(b"nonsense", Content_Encoding=coding)) as server:
        assert isinstance(ask(model(server.base), transport).error, BadReply)


@both
def test_a_host_that_does_not_stream(transport: str) -> None:
    body = {
        "id": "x",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Yes."},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    }
    with host(answer(json.dumps(body).encode())) as server:
        assert ask(model(server.base), transport).text == "Yes."


@both
def test_connections_are_kept(transport: str) -> None:
    with host(says()) as server:
        hosted = model(server.base)
        if transport == "sync":
            hosted._client = Client(PATIENT)
            for _ in range(3):
                list(hosted.stream(REQUEST, None))
            hosted.close()
        else:

            async def thrice() -> None:
                async with AsyncClient(PATIENT) as client:
                    for _ in range(3):
                        async for _ in client.stream(hosted.steps(REQUEST)):
                            pass

            asyncio.run(thrice())
    assert (server.connections, len(server.asked)) == (1, 3)


def test_a_kept_connection_that_the_host_closed_is_replaced() -> None:
    def once(connection: socket.socket) -> bool:
        says()(connection)
        return False

    with host(once) as server:
        hosted = model(server.base)
        hosted._client = Client(PATIENT)
        for _ in range(4):
            events = list(hosted.stream(REQUEST, None))
            first = events[0]
            assert isinstance(first, Sent)
            assert first.exchange.retries == []
        assert server.connections == 4


@both
def test_a_host_that_lingers_after_the_end_is_not_waited_for(transport: str) -> None:
    data, _ = stream_of("openai")
    with host(stalled(data)) as server:
        began = time.monotonic()
        outcome = ask(model(server.base), transport, Timeouts())  # of minutes
        assert outcome.error is None
        assert outcome.text == "Hello there, you."
        assert time.monotonic() - began < SOON


# -- retries


@both
@each
@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
def test_a_passing_failure_is_tried_again_twice(transport: str, dialect: str, status: int) -> None:
    with host(fails(dialect, status), fails(dialect, status), says(dialect)) as server:
        outcome = ask(model(server.base, dialect), transport)
        assert outcome.text == "Hello there, you."
        assert len(server.asked) == 3
        assert len(outcome.exchange.retries) == 2
    with host(fails(dialect, status, "Too bad")) as server:
        outcome = ask(model(server.base, dialect), transport)
        assert len(server.asked) == 3
        assert isinstance(outcome.error, ProviderError)
        assert outcome.error.status == status
        assert "after 2 retries" in str(outcome.error)
        assert "Too bad" in str(outcome.error)


@both
@each
def test_a_stall_is_tried_again_before_the_first_byte_alone(transport: str, dialect: str) -> None:
    data, media = stream_of(dialect)
    with host(stalled(media=media), stalled(headers=False), says(dialect)) as server:
        assert ask(model(server.base, dialect), transport, QUICK).text == "Hello there, you."
        assert len(server.asked) == 3
    with host(stalled(data[:90], media=media), says(dialect)) as server:
        outcome = ask(model(server.base, dialect), transport, QUICK)
        assert isinstance(outcome.error, Stalled)
        assert "PELLUCID_TIMEOUT_SILENCE" in str(outcome.error)
        assert len(server.asked) == 1


@both
def test_a_host_that_is_slow_but_goes_on_is_waited_for(transport: str) -> None:
    """Each piece within the time for one, all of them together not."""
    data, media = stream_of("openai")
    size = -(-len(data) // 6)
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    with host(chunked(*pieces, media=media, pause=0.3)) as server:
        assert ask(model(server.base), transport, QUICK).text == "Hello there, you."
        assert len(server.asked) == 1


@both
@each
def test_a_connection_that_is_refused_or_lost_is_tried_again(transport: str, dialect: str) -> None:
    with host(hang_up, hang_up, says(dialect)) as server:
        outcome = ask(model(server.base, dialect), transport)
        assert outcome.text == "Hello there, you."
        assert len(server.asked) == 3
    outcome = ask(model(server.base, dialect), transport)  # nobody listens there any more
    assert isinstance(outcome.error, Unreachable)
    assert outcome.error.code == "refused"
    assert len(outcome.exchange.retries) == 2


@both
@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_a_lasting_failure_is_not_tried_again(transport: str, status: int) -> None:
    with host(fails("openai", status)) as server:
        outcome = ask(model(server.base), transport)
    asked = [each for each in server.asked if each.line.startswith("POST")]
    assert len(asked) == 1
    assert isinstance(outcome.error, ProviderError)


@both
def test_a_quota_is_not_tried_again(transport: str) -> None:
    error = {
        "error": {"message": "Pay.", "type": "insufficient_quota", "code": "insufficient_quota"}
    }
    with host(answer(json.dumps(error).encode(), 429)) as server:
        assert isinstance(ask(model(server.base), transport).error, QuotaExceeded)
        assert len(server.asked) == 1


@both
@pytest.mark.parametrize("as_date", [False, True])
def test_the_wait_a_host_asks_for_is_honoured(transport: str, as_date: bool) -> None:
    wanted = formatdate(time.time() + 2, usegmt=True) if as_date else "0.4"
    with host(fails("openai", 429, retry_after=wanted), says()) as server:
        began = time.monotonic()
        assert ask(model(server.base), transport).text == "Hello there, you."
        # A date has no fractions of a second.
        assert 0.4 <= time.monotonic() - began < SOON


@both
def test_a_wait_that_is_asked_for_in_the_body_is_honoured(transport: str) -> None:
    kind = "type.googleapis.com/google.rpc.RetryInfo"
    details = [{"@type": kind, "retryDelay": "0.4s"}]
    body = json.dumps({"error": {"code": 429, "message": "Slow down.", "details": details}})
    with host(answer(body.encode(), 429), says("gemini")) as server:
        began = time.monotonic()
        assert ask(model(server.base, "gemini"), transport).text == "Hello there, you."
        assert 0.4 <= time.monotonic() - began < SOON


@both
def test_a_wait_longer_than_two_minutes_is_not_waited_for(transport: str) -> None:
    with host(fails("openai", 429, retry_after="121")) as server:
        outcome = ask(model(server.base), transport)
        assert len(server.asked) == 1
    assert isinstance(outcome.error, RateLimited)
    assert "121 seconds" in str(outcome.error)


def test_waits_that_hosts_ask_for() -> None:
    now = 1_700_000_000.0
    date = formatdate(now + 90, usegmt=True)
    for value, seconds in (("7", 7), ("1.5", 1.5), (date, 90), ("soon", None), ("", None)):
        assert retries.retry_after({"retry-after": value}, now) == seconds
    assert retries.retry_after({"retry-after-ms": "250", "retry-after": "9"}, now) == 0.25
    assert retries.retry_after({"retry-after": formatdate(now - 90, usegmt=True)}, now) == 0
    assert retries.retry_after({"retry-after": "nan"}, now) is None
    failed = RateLimited("", status=429)
    assert retries.wait(failed, 0, 120, 0) == 120
    assert retries.wait(failed, 0, 120.1, 0) is None
    assert retries.wait(failed, 2, 1, 0) is None


# -- faults, each its own class and a sentence


@both
@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (401, WrongKey, "refused TEST_KEY"),
        (403, NotPermitted, "does not let this key"),
        (402, QuotaExceeded, "nothing left"),
        (400, Rejected, "refused the request"),
        (500, ServerFault, "Try again later"),
        (529, Overloaded, "is overloaded"),
    ],
)
def test_each_failure_says_what_to_do(
    transport: str, status: int, kind: type[ProviderError], words: str
) -> None:
    with host(fails("openai", status, "The reason")) as server:
        error = ask(model(server.base), transport).error
    assert type(error) is kind
    assert words in str(error)
    assert "The reason" in str(error)
    assert "\n" not in str(error)


@both
def test_an_unknown_model_is_told_with_what_the_host_has(transport: str) -> None:
    names = json.dumps({"data": [{"id": "gpt-4.1-mini"}, {"id": "gpt-4.1"}, {"id": "other"}]})
    with host(fails("openai", 404, "No such model"), answer(names.encode())) as server:
        error = ask(model(server.base, name="gpt-4.1-mni"), transport).error
        assert [each.line for each in server.asked][1] == "GET /models HTTP/1.1"
    assert isinstance(error, NotFound)
    assert "lists 3 models, among them gpt-4.1-mini" in str(error)


@both
def test_an_unknown_model_where_the_host_lists_nothing(transport: str) -> None:
    with host(fails("openai", 404, "No such model"), hang_up) as server:
        error = ask(model(server.base), transport).error
    assert isinstance(error, NotFound)
    assert "lists" not in str(error)


PAGE = b"<!DOCTYPE html><html><head><title>x</title></head><body>Bad gateway, ask IT</body></html>"


@both
@pytest.mark.parametrize(("status", "calls"), [(200, 1), (403, 1), (502, 3)])
def test_a_page_of_a_proxy(transport: str, status: int, calls: int) -> None:
    with host(answer(PAGE, status, "text/html")) as server:
        error = ask(model(server.base), transport).error
        assert len(server.asked) == calls
    assert type(error) is BadReply
    assert "Bad gateway, ask IT" in str(error)
    assert "proxy" in str(error)


@both
@pytest.mark.parametrize("body", [b"{oops", b"[1, 2]", b"[" * 100_000, b"\xff\xfe"])
def test_an_answer_that_is_not_json(transport: str, body: bytes) -> None:
    with host(answer(body)) as server:
        assert type(ask(model(server.base), transport).error) is BadReply


@both
def test_a_stream_that_is_not_json(transport: str) -> None:
    with host(chunked(b"data: {oops}\n\n")) as server:
        assert isinstance(ask(model(server.base), transport).error, BadReply)


@both
def test_what_is_not_http(transport: str) -> None:
    def ssh(connection: socket.socket) -> bool:
        connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")
        return False

    with host(ssh) as server:
        assert isinstance(ask(model(server.base), transport).error, BadReply)


@both
def test_a_redirect_to_another_host_is_refused(transport: str) -> None:
    with host(says()) as other:
        for there in (f"{other.base}/v1", f"http://localhost:{other.port}/", "ftp://x/", "//["):
            with host(answer(status=307, Location=there)) as server:
                error = ask(model(server.base), transport).error
                assert type(error) is RedirectRefused, there
                assert len(server.asked) == 1
        assert other.asked == []


@both
def test_a_redirect_within_the_host_keeps_the_request(transport: str) -> None:
    with host(answer(status=308, Location="/elsewhere?x=1"), says()) as server:
        outcome = ask(model(server.base), transport)
    assert outcome.text == "Hello there, you."
    assert server.asked[1].line == "POST /elsewhere?x=1 HTTP/1.1"
    assert server.asked[1].body == server.asked[0].body
    assert outcome.exchange.url == f"{server.base}/elsewhere?x=1"


@both
@pytest.mark.parametrize("status", [301, 302, 303, 307])
def test_redirects_that_lose_the_body_or_never_end(transport: str, status: int) -> None:
    with host(answer(status=status, Location="/again")) as server:
        error = ask(model(server.base), transport).error
    assert isinstance(error, RedirectRefused if status < 307 else BadReply)
    assert len(server.asked) <= 6


@both
def test_no_key_means_nothing_is_sent(transport: str) -> None:
    from hosted_models import NOWHERE, settings
    from pellucid.models.hosted import HostedModel
    from pellucid.models.hosts import find
    from pellucid.models.keys import KeyRing

    target = find("gpt-4.1-mini", {})
    assert target is not None
    ring = KeyRing(settings(), {"HOME": "/nonexistent"}, NOWHERE)
    error = ask(HostedModel(target, settings(), ring), transport).error
    assert isinstance(error, MissingKey)
    assert "OPENAI_API_KEY" in str(error)
    assert "pellucid keys set openai" in str(error)


@both
def test_offline_reaches_this_machine_alone(transport: str) -> None:
    with host(says()) as server:
        assert ask(model(server.base), transport, offline=True).text == "Hello there, you."
    for base in ("https://api.openai.com/v1", "http://10.0.0.7:11434", "http://192.168.1.1"):
        error = ask(model(base), transport, offline=True).error
        assert isinstance(error, Unreachable)
        assert "offline" in str(error)


@both
def test_a_name_that_does_not_exist(transport: str) -> None:
    error = ask(model("https://no-such-host.invalid/v1"), transport).error
    assert type(error) is Unreachable
    assert "cannot be found" in str(error)


# -- cancelling


def test_closing_the_stream_closes_the_socket_at_once() -> None:
    data, _ = stream_of("openai")
    with host(stalled(data[:600])) as server:
        stream = model(server.base).stream(REQUEST, None)
        for event in stream:
            if isinstance(event, TextDelta):
                break
        stream.close()
        assert server.gone.wait(SOON)
        assert list(stream) == []


@pytest.mark.parametrize("headers", [True, False])
def test_closing_from_another_thread_ends_the_wait(headers: bool) -> None:
    with host(stalled(headers=headers)) as server:
        hosted = model(server.base)  # whose timeouts are minutes
        stream = hosted.stream(REQUEST, None)
        ended = threading.Event()

        def read() -> None:
            for _ in stream:
                pass
            ended.set()

        threading.Thread(target=read, daemon=True).start()
        _until(server, 1)
        stream.close()
        assert server.gone.wait(SOON)
        assert ended.wait(SOON)
        assert len(server.asked) == 1


def test_closing_during_the_wait_for_a_retry() -> None:
    with host(fails("openai", 429, retry_after="60")) as server:
        stream = model(server.base).stream(REQUEST, None)
        thread = threading.Thread(target=lambda: list(stream), daemon=True)
        thread.start()
        _until(server, 1)
        time.sleep(0.05)
        stream.close()
        thread.join(SOON)
        assert not thread.is_alive()


def test_closing_ends_the_making_of_a_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:  # which never shakes hands
        stream = model(f"https://127.0.0.1:{listener.getsockname()[1]}").stream(REQUEST, None)
        thread = threading.Thread(target=lambda: list(stream), daemon=True)
        thread.start()
        connection, _ = listener.accept()
        assert connection.recv(1)
        stream.close()
        thread.join(SOON)
        assert not thread.is_alive()
        connection.close()


def test_a_cancelled_task_closes_the_socket() -> None:
    async def run(server: Host) -> None:
        async with AsyncClient() as client:

            async def read() -> None:
                async for _ in client.stream(model(server.base).steps(REQUEST)):
                    pass

            task = asyncio.create_task(read())
            while not server.asked:
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(server.gone.wait, SOON)

    with host(stalled()) as server:
        asyncio.run(run(server))


def _until(server: Host, count: int) -> None:
    end = time.monotonic() + SOON
    while len(server.asked) < count:
        assert time.monotonic() < end
        time.sleep(0.005)


# -- as a conversation's model


def test_a_conversation_keeps_its_connection_and_its_exchanges() -> None:
    with host(says()) as server:
        chat = Chat(model(server.base), store=None)
        for _ in range(3):
            chat.say("Hi")
        assert server.connections == 1
    exchange = chat.receipts[-1].exchange
    assert exchange is not None
    assert exchange.sent == server.asked[-1].body
    assert chat.receipts[-1].reply.text == "Hello there, you."


def test_a_reply_that_breaks_off_is_kept_and_marked() -> None:
    data, _ = stream_of("openai")
    with host(broken(data[:-300])) as server:
        chat = Chat(model(server.base), store=None)
        with pytest.raises(IncompleteReply):
            chat.say("Hi")
    reply = chat.receipts[-1].reply
    assert (reply.finish, reply.complete) == ("error", False)
    assert reply.text
    assert "broke off" in str(reply.error)
    usage = reply.usage
    assert (usage.fresh, usage.output, usage.known) == (1, -(-len(reply.text) // 4), "estimated")


def test_a_call_is_cancelled_from_another_thread() -> None:
    data, _ = stream_of("openai")
    with host(stalled(data[:600])) as server:
        call = Call(model(server.base), REQUEST, None)
        thread = threading.Thread(target=lambda: list(call), daemon=True)
        thread.start()
        _until(server, 1)
        time.sleep(0.05)
        call.cancel()
        assert server.gone.wait(SOON)
        thread.join(SOON)
        assert not thread.is_alive()
    assert call.receipt is not None
    assert call.receipt.reply.finish == "cut"
    assert call.receipt.reply.text.startswith("Hello")


def test_a_call_abandoned_as_it_ends_has_one_receipt() -> None:
    ending, on = threading.Event(), threading.Event()

    class Slow(Scripted):
        def settings(self) -> dict[str, Any]:
            ending.set()
            assert on.wait(SOON)
            return {}

    kept: list[Receipt] = []
    call = Call(Slow(["one two"]), REQUEST, None, keep=kept.append)
    threads = [threading.Thread(target=lambda: list(call)), threading.Thread(target=call.abandon)]
    threads[0].start()
    assert ending.wait(SOON)
    threads[1].start()
    time.sleep(0.05)
    on.set()
    for thread in threads:
        thread.join(SOON)
    assert [each.reply.finish for each in kept] == ["stop"]


def test_a_cancelled_turn_does_not_wait_for_a_silent_host() -> None:
    data, _ = stream_of("openai")

    async def run(chat: Chat) -> list[str]:
        pieces: list[str] = []

        async def read() -> None:
            async for piece in chat.stream("Hi"):
                pieces.append(piece)  # noqa: PERF401

        task = asyncio.create_task(read())
        while not pieces:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, SOON)
        return pieces

    with host(stalled(data[:600])) as server:
        chat = Chat(model(server.base), store=None)
        pieces = asyncio.run(run(chat))
        assert server.gone.wait(SOON)
    assert chat.receipts[-1].reply.finish == "cut"
    assert chat.receipts[-1].reply.text == "".join(pieces)


def test_a_lone_surrogate_is_sent_as_the_escape_json_has_for_it() -> None:
    request = Request((text_message("user", "a\ud800b"),))
    with host(says()) as server:
        assert ask(model(server.base), request=request).error is None
    assert json.loads(server.asked[0].body)["messages"][0]["content"] == "a\ud800b"
