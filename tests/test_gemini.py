"""Google's Gemini API, both ways: what every dialect keeps to, and what is its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import dialect_checks as checks
from pellucid.dialects import gemini
from pellucid.dialects.base import Dialect, Failure, Head
from pellucid.dialects.embedding import Embeddings, EmbedRequest
from pellucid.dialects.gemini import embeddings as vectors
from pellucid.errors import (
    BadReply,
    BadRequest,
    CannotExpress,
    IncompleteReply,
    ProviderError,
    ServerFault,
)
from pellucid.messages import (
    Media,
    Message,
    Options,
    Request,
    Signature,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    ToolSpec,
    text_message,
)
from pellucid.replies import (
    NO_ID,
    Candidate,
    Finish,
    MediaEvent,
    Notice,
    ReplyToken,
    Started,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    Usage,
    UsageEvent,
    collect,
)

DIALECT: Dialect = gemini
STREAMS = sorted((Path(__file__).parent / "data" / "streams" / "gemini").iterdir())
HEAD = Head("r-1", "gemini-x", checks.CREATED)
ASK = Request((text_message("user", "Hi"),))
PATH = "/v1beta/models/gemini-x:generateContent"


def recorded(name: str) -> bytes:
    return next(path for path in STREAMS if path.stem == name).read_bytes()


def decode(body: dict[str, Any]) -> Request:
    return gemini.decode_request(body, PATH).request


def encode(request: Request, *traits: str) -> dict[str, Any]:
    return gemini.encode_request(request, "m", stream=False, traits=frozenset(traits)).body


def contents(*parts: dict[str, Any], role: str = "user") -> dict[str, Any]:
    return {"contents": [{"role": role, "parts": list(parts)}]}


# What holds for every dialect


def test_requests_say_what_they_can(full: bool) -> None:
    checks.check_requests(DIALECT, 1000 if full else 80)
    checks.check_plain_requests(DIALECT, 500 if full else 50)


def test_replies_say_what_they_can(full: bool) -> None:
    checks.check_streams(DIALECT, 1000 if full else 80)
    checks.check_whole_replies(DIALECT, 1000 if full else 80, ordered=True)


def test_errors_both_ways() -> None:
    checks.check_errors(DIALECT)


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_recorded_streams_cut_anywhere(path: Path, full: bool) -> None:
    data = path.read_bytes()
    checks.check_cuts(DIALECT, data, 1 if full else 3)
    checks.check_chunkings(DIALECT, data, 10_000 if full else 60)


@pytest.mark.parametrize(
    ("name", "text", "end", "detail"),
    [
        ("text", "Der Hafen schläft: 日本語 🌊.", "stop", "STOP"),
        ("cached", "Yes.", "stop", "STOP"),
        ("safety", "Once", "refusal", "SAFETY"),
        ("recitation", "Call me ", "refusal", "RECITATION"),
        ("length", "A long", "length", "MAX_TOKENS"),
        ("signed_text", "The answer is 4.", "stop", "STOP"),
    ],
)
def test_what_recorded_streams_say(name: str, text: str, end: str, detail: str) -> None:
    reply = collect(checks.decode_stream(DIALECT, [recorded(name)]))
    assert (reply.text, reply.finish, reply.detail) == (text, end, detail)
    assert reply.usage.input_total == 12 and reply.id == "Jx3zaL-8"


def test_a_call_that_the_model_got_wrong_is_said() -> None:
    reply = collect(checks.decode_stream(DIALECT, [recorded("malformed_call")]))
    assert reply.detail == "MALFORMED_FUNCTION_CALL" and reply.notices


def test_a_stream_that_breaks_is_an_error() -> None:
    events = checks.decode_stream(DIALECT, [recorded("calls")])
    checks.check_failures(DIALECT, [*events[:1], TextDelta("a"), *events[1:]])


# Replies


def test_thinking_and_usage_in_buckets_that_do_not_overlap() -> None:
    assert checks.decode_stream(DIALECT, [recorded("thinking")]) == [
        Started("tTCwacuEBMvnitYP06qsgQY", "gemini-2.5-flash"),
        ThinkingDelta("**Weighing the words**\n\nThe user greets me – “hé”."),
        TextDelta("Hello! 🎈 How"),
        TextDelta(" can I help you today?"),
        UsageEvent(Usage(190, 1024, 0, 11, 89, "reported")),
        Finish("stop", detail="STOP"),
    ]


def test_calls_with_signatures_and_without_ids() -> None:
    events = checks.decode_stream(DIALECT, [recorded("calls")])
    first, second, signed, usage, end = events[1:]
    assert isinstance(first, ToolCallDelta)
    assert first.id and first.id.startswith("call_")
    assert first.arguments == '{"city": "Zürich", "days": 2}'
    assert first.signature and first.signature.owner == "gemini"
    assert second == ToolCallDelta(1, "k3p0x9", "get_time", "{}")
    assert signed == TextDelta("", signature=Signature("gemini", "EkcKRQHAAAA="))
    assert usage == UsageEvent(Usage(145, 0, 0, 30, 15, "reported"))
    assert end == Finish("tool_calls", detail="STOP")


def test_an_array_with_parts_of_every_kind() -> None:
    events = checks.decode_stream(DIALECT, [recorded("array")])
    assert events[1:3] == [TextDelta('A "quoted" brace: { and \\'), TextDelta(" ] é")]
    assert events[3:6] == [
        Notice('{"executableCode": {"language": "PYTHON", "code": "print(1)"}}'),
        MediaEvent(Media("image", "image/png", b"\x89PNG\r\n\x1a\n")),
        Notice('groundingMetadata: {"webSearchQueries": ["é"]}'),
    ]
    assert events[-1] == Finish("length", detail="MAX_TOKENS")


def test_a_blocked_prompt_is_a_refusal() -> None:
    reply = collect(checks.decode_stream(DIALECT, [recorded("blocked")]))
    assert (reply.finish, reply.detail, reply.usage.fresh) == ("refusal", "PROHIBITED_CONTENT", 12)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        *[("STOP", "stop"), ("MAX_TOKENS", "length"), ("SAFETY", "refusal"), ("SPII", "refusal")],
        *[("RECITATION", "refusal"), ("OTHER", "error"), ("MALFORMED_FUNCTION_CALL", "error")],
        ("A_WORD_OF_TOMORROW", "error"),
    ],
)
def test_every_reason_to_finish(word: str, reason: str) -> None:
    body = {"candidates": [{"finishReason": word, "finishMessage": "why"}]}
    assert gemini.decode_reply(body) == [Notice("why"), Finish(reason, detail=word)]  # type: ignore[arg-type]


def test_logprobs_with_and_without_ids() -> None:
    chosen = [{"token": "a", "tokenId": 7, "logProbability": -0.5}, {"token": "b"}]
    top = [{"candidates": [{"token": "c", "logProbability": -2.0}]}, {}]
    result = {"chosenCandidates": chosen, "topCandidates": top}
    content = {"parts": [{"text": "ab"}]}
    body = {"candidates": [{"content": content, "finishReason": "STOP", "logprobsResult": result}]}
    tokens = (
        ReplyToken(7, b"a", -0.5, (Candidate(NO_ID, b"c", -2.0),)),
        ReplyToken(NO_ID, b"b", None, exact=False),
    )
    assert gemini.decode_reply(body)[0] == TextDelta("ab", tokens)
    encoder = gemini.Encoder(HEAD)
    stream = encoder.encode(TextDelta("ab", tokens)) + encoder.encode(Finish("stop"))
    assert checks.decode_stream(DIALECT, [stream])[1] == TextDelta("ab", tokens)


def test_a_call_that_is_no_json_ends_the_reply_as_malformed() -> None:
    events = [ToolCallDelta(0, "c", "f", '{"a": '), Finish("tool_calls")]
    read = checks.decode_stream(DIALECT, [checks.encode_stream(DIALECT, events)])
    assert read[1:] == gemini.narrow_events(events)
    assert read[1:] == [
        Notice('Malformed function call: f({"a": )'),
        Finish("error", detail="MALFORMED_FUNCTION_CALL"),
    ]


def test_calls_whose_fragments_come_mixed_are_said_whole_and_in_order() -> None:
    events = [
        ToolCallDelta(1, "b", "g", '{"x":'),
        ToolCallDelta(0, "a", "f"),
        TextDelta("while"),
        ToolCallDelta(1, arguments=" 1}"),
        ToolCallDelta(0, arguments="{}"),
        Finish("tool_calls"),
    ]
    assert gemini.narrow_events(events) == [
        TextDelta("while"),
        ToolCallDelta(0, "a", "f", "{}"),
        ToolCallDelta(1, "b", "g", '{"x": 1}'),
        Finish("tool_calls", detail="STOP"),
    ]


def test_an_array_is_written_for_those_who_did_not_ask_for_events() -> None:
    events = [TextDelta("a"), TextDelta("é"), UsageEvent(Usage(1)), Finish("stop")]
    encoder = gemini.ArrayEncoder(HEAD)
    data = encoder.start() + b"".join(map(encoder.encode, events)) + encoder.end()
    assert [part["candidates"][0]["content"] for part in json.loads(data)][:2] == [
        {"parts": [{"text": "a"}], "role": "model"},
        {"parts": [{"text": "é"}], "role": "model"},
    ]
    assert collect(checks.decode_stream(DIALECT, [data])).text == "aé"
    encoder = gemini.ArrayEncoder(HEAD)
    data = encoder.encode(events[0]) + encoder.fail(checks.FAILURE)
    assert json.loads(data)[1]["error"]["status"] == "UNAVAILABLE"
    with pytest.raises(IncompleteReply):
        checks.decode_stream(DIALECT, [data[:60]])


@pytest.mark.parametrize(
    "data",
    [
        b"data: [1]\n\n",
        b'data: {"candidates": 5}\n\n',
        b'data: {"candidates": [{"content": {"parts": [{"text": 5}]}}]}\n\n',
        b'data: {"candidates": [{"content": {"parts": [{"functionCall": {}}]}}]}\n\n',
        b"[{]",
        b"data: \xff\n\n",
    ],
)
def test_what_is_not_the_api_is_said_to_be_so(data: bytes) -> None:
    with pytest.raises(BadReply):
        gemini.Decoder().feed(data)


def test_an_error_over_several_lines_in_a_stream() -> None:
    body = json.dumps(
        {"error": {"code": 500, "message": "Internal", "status": "INTERNAL"}}, indent=2
    )
    with pytest.raises(ServerFault, match="Internal"):
        gemini.Decoder().feed(body.encode())


def test_errors_are_told_apart_by_their_details() -> None:
    def error(code: int, *details: dict[str, Any]) -> tuple[str, str | None]:
        body = {"error": {"code": code, "message": "m", "status": "S", "details": list(details)}}
        failure = gemini.decode_error(code, json.dumps([body]).encode())
        return failure.kind, failure.field

    kind = "type.googleapis.com/google.rpc."
    assert error(400, {"@type": f"{kind}ErrorInfo", "reason": "API_KEY_INVALID"})[0] == "key"
    day = {"quotaId": "GenerateRequestsPerDayPerProjectPerModel-FreeTier"}
    assert error(429, {"@type": f"{kind}QuotaFailure", "violations": [day]})[0] == "quota"
    assert error(429, {"@type": f"{kind}QuotaFailure", "violations": [{}]})[0] == "rate_limit"
    field = {"field": "generation_config.top_k", "description": "d"}
    read = error(400, {"@type": f"{kind}BadRequest", "fieldViolations": [field]})
    assert read == ("rejected", "generation_config.top_k")


def test_the_wait_that_google_asks_for_is_in_its_words() -> None:
    failure = Failure(429, "rate_limit", "Slow down.", "RESOURCE_EXHAUSTED", "f", 34.5)
    body = gemini.encode_error(failure)
    assert body["error"]["details"][1]["retryDelay"] == "34.5s"
    assert gemini.decode_error(429, json.dumps(body).encode()) == failure
    for delay in ("soon", "nans", None, "-1s"):
        body["error"]["details"][1]["retryDelay"] = delay
        assert gemini.decode_error(429, json.dumps(body).encode()).retry_after is None


# Requests


def test_names_in_either_case_are_one() -> None:
    snake = {
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        **contents(
            {"inline_data": {"mime_type": "image/png", "data": "-_8"}},
            {"file_data": {"mime_type": "audio/mp3", "file_uri": "https://example.org/a"}},
        ),
        "generation_config": {
            "max_output_tokens": 5,
            "stop_sequences": ["a"],
            "thinking_config": {"thinking_budget": 100, "include_thoughts": True},
        },
        "tool_config": {"function_calling_config": {"mode": "none"}},
        "tools": [{"function_declarations": [{"name": "f", "parameters_json_schema": {"a": 1}}]}],
    }
    request = decode(snake)
    assert request.messages == (
        text_message("system", "Be brief."),
        Message(
            "user",
            (
                Media("image", "image/png", b"\xfb\xff"),
                Media("audio", "audio/mp3", url="https://example.org/a"),
            ),
        ),
    )
    assert request.options == Options(max_tokens=5, stop=("a",), thinking_tokens=100)
    assert request.tools == (ToolSpec("f", "", {"a": 1}),)
    assert request.tool_choice == "none"
    assert decode(encode(request)) == request


def test_results_without_ids_find_their_calls() -> None:
    body = {
        "contents": [
            {"role": "user", "parts": [{"text": "?"}]},
            {
                "role": "model",
                "parts": [
                    {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"},
                    {"functionCall": {"name": "g"}},
                    {"functionCall": {"name": "f", "args": {"a": 2}}},
                ],
            },
            {
                "role": "function",
                "parts": [
                    {"functionResponse": {"name": "f", "response": {"result": "one"}}},
                    {"functionResponse": {"name": "g", "response": {"error": "no"}}},
                    {"functionResponse": {"name": "f", "response": {"x": 1, "y": [2]}}},
                ],
            },
        ]
    }
    calls, results = decode(body).messages[1:]
    assert calls.parts == (
        ToolCall("call_1", "f", '{"a": 1}', Signature("gemini", "c2ln")),
        ToolCall("call_2", "g", "{}"),
        ToolCall("call_3", "f", '{"a": 2}'),
    )
    assert results == Message(
        "tool",
        (
            ToolResult("call_1", "f", "one"),
            ToolResult("call_2", "g", "no", failed=True),
            ToolResult("call_3", "f", '{"x": 1, "y": [2]}'),
        ),
    )


def test_a_schema_in_the_older_way() -> None:
    schema = {
        "type": "OBJECT",
        "properties": {
            "type": {"type": "STRING", "nullable": True, "maxLength": "9"},
            "list": {"type": "ARRAY", "items": {"type": "INTEGER"}, "minItems": "1"},
            "either": {"anyOf": [{"type": "NUMBER"}, {"type": "BOOLEAN"}]},
        },
        "required": ["type"],
    }
    meant = {
        "type": "object",
        "properties": {
            "type": {"type": ["string", "null"], "maxLength": 9},
            "list": {"type": "array", "items": {"type": "integer"}, "minItems": 1},
            "either": {"anyOf": [{"type": "number"}, {"type": "boolean"}]},
        },
        "required": ["type"],
    }
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    request = decode(
        {
            **contents({"text": "?"}),
            "generationConfig": config,
            "tools": [{"functionDeclarations": [{"name": "f", "parameters": schema}]}],
        }
    )
    assert request.response_format and request.response_format.schema == meant
    assert request.tools[0].parameters == meant


def test_which_tools_may_be_called() -> None:
    tools = (ToolSpec("f", "", {}), ToolSpec("g", "", {}), ToolSpec("h", "", {}, strict=True))

    def choice(*tools: ToolSpec, mode: str, **more: Any) -> tuple[str, list[str]]:
        config = {"functionCallingConfig": {"mode": mode, **more}}
        body = {**encode(Request(ASK.messages, tools)), "toolConfig": config}
        request = decode(body)
        return request.tool_choice, [tool.name for tool in request.tools]

    assert choice(*tools, mode="AUTO") == ("auto", ["f", "g", "h"])
    assert choice(*tools, mode="ANY") == ("required", ["f", "g", "h"])
    assert choice(*tools, mode="any", allowedFunctionNames=["g"]) == ("g", ["f", "g", "h"])
    assert choice(*tools, mode="ANY", allowedFunctionNames=["f", "h"]) == ("required", ["f", "h"])
    with pytest.raises(BadRequest, match="allowedFunctionNames"):
        choice(*tools, mode="ANY", allowedFunctionNames=["x"])
    validated = encode(Request(ASK.messages, tools[2:]))
    assert validated["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}
    assert decode(validated).tools[0].strict


def test_signatures_of_others_are_never_sent() -> None:
    turn = Message(
        "assistant",
        (
            Thinking("hm", Signature("anthropic", "SECRET-1")),
            Thinking("", Signature("anthropic", "SECRET-2"), redacted=True),
            Text("a", signature=Signature("gemini", "b3du")),
            ToolCall("1", "f", "{}", Signature("openai", "SECRET-3")),
        ),
    )
    out = gemini.encode_request(Request((*ASK.messages, turn)), "m", stream=True)
    assert "SECRET" not in json.dumps(out.body)
    assert "b3du" in json.dumps(out.body)
    assert any("anthropic" in note for note in out.notes)
    assert any("openai" in note for note in out.notes)


def test_traits_of_models() -> None:
    call = Message("assistant", (Text("t"), ToolCall("1", "f", "{}"), ToolCall("2", "f", "{}")))
    parts = encode(Request((*ASK.messages, call)), "signed-calls")["contents"][1]["parts"]
    assert parts[1]["thoughtSignature"] == "skip_thought_signature_validator"
    assert "thoughtSignature" not in parts[2]

    def thinking(*traits: str, **options: Any) -> object:
        body = encode(Request(ASK.messages, options=Options(**options)), *traits)
        return body.get("generationConfig", {}).get("thinkingConfig")

    assert thinking() is None
    assert thinking("thoughts") == {"includeThoughts": True}
    assert thinking(effort="none") == {"thinkingBudget": 0}
    assert thinking(effort="low") == {"thinkingLevel": "LOW", "includeThoughts": True}
    budget = thinking("thinking-budget", effort="high")
    assert budget == {"thinkingBudget": 24576, "includeThoughts": True}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"options": Options(min_p=0.1)}, "min_p"),
        ({"options": Options(seed=2**31)}, "seed"),
        ({"options": Options(alternatives=21)}, "alternatives"),
        ({"options": Options(stop=tuple("abcdef"))}, "stop"),
        ({"messages": (text_message("system", "only"),)}, "message"),
        ({"messages": (Message("assistant", (ToolCall("1", "f", "[1]"),)),)}, "arguments"),
        ({"messages": (Message("tool", (ToolResult("1", "", "x"),)),)}, "result"),
        ({"messages": (Message("user", (Media("file", "", b"?"),)),)}, "type"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(change: dict[str, Any], field: str) -> None:
    with pytest.raises(CannotExpress, match="Gemini") as error:
        encode(Request(**{"messages": ASK.messages, **change}))
    assert field in error.value.field


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "contents"),
        ({"contents": "Hi"}, "contents"),
        (contents({"text": 5}), "contents[0].parts[0].text"),
        (contents({"text": "a"}, role="owner"), "contents[0].role"),
        (
            contents({"inlineData": {"mimeType": "image/png", "data": "*"}}),
            "contents[0].parts[0].inlineData.data",
        ),
        ({**contents({"text": "a"}), "cachedContent": "cachedContents/1"}, "cachedContent"),
        (
            {**contents({"text": "a"}), "generationConfig": {"candidateCount": 2}},
            "generationConfig.candidateCount",
        ),
        (
            {**contents({"text": "a"}), "generationConfig": {"temperature": "hot"}},
            "generationConfig.temperature",
        ),
        (
            {**contents({"text": "a"}), "generationConfig": {"responseMimeType": "text/x.enum"}},
            "generationConfig.responseMimeType",
        ),
    ],
)
def test_bad_requests_name_the_field(body: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as error:
        gemini.decode_request(body, PATH)
    assert error.value.field == field


def test_what_means_nothing_here_is_noted() -> None:
    body = {
        **contents({"text": "a"}, {"executableCode": {"code": "1"}}),
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
        "tools": [{"googleSearch": {}}],
        "generationConfig": {"mediaResolution": "LOW", "responseModalities": ["TEXT", "IMAGE"]},
    }
    notes = " ".join(gemini.decode_request(body, PATH).notes)
    for word in ("safetySettings", "googleSearch", "mediaResolution", "IMAGE", "executableCode"):
        assert word in notes


def test_paths_name_the_model_and_the_method() -> None:
    out = gemini.encode_request(ASK, "tunedModels/my one", stream=True)
    assert out.path == "tunedModels/my%20one:streamGenerateContent?alt=sse"
    incoming = gemini.decode_request(out.body, f"/v1beta/{out.path}")
    assert (incoming.model, incoming.stream) == ("tunedModels/my one", True)
    with pytest.raises(BadRequest, match="names no model"):
        gemini.decode_request(out.body, "/v1beta/models")


def test_counting_asks_with_the_tools_and_the_instruction() -> None:
    request = Request((text_message("system", "S"), *ASK.messages), (ToolSpec("f", "d", {}),))
    out = gemini.encode_count_request(request, "gemini-x")
    assert out.path == "models/gemini-x:countTokens"
    assert gemini.decode_request(out.body, out.path).request == request
    assert vectors.decode_count(vectors.encode_count(31)) == 31
    assert vectors.decode_count({}) == 0
    with pytest.raises(BadReply):
        vectors.decode_count({"totalTokens": "31"})


def test_embeddings_both_ways() -> None:
    request = EmbedRequest(("a", "é"), 8, "query")
    out = vectors.encode_embed_request(request, "gemini-embedding-001")
    incoming = vectors.decode_embed_request(checks.over_the_wire(out.body), out.path)
    assert (incoming.request, incoming.single) == (request, False)
    assert incoming.model == "gemini-embedding-001"
    one = {"content": {"parts": [{"text": "a"}]}, "task_type": "CLUSTERING", "title": "t"}
    incoming = vectors.decode_embed_request(one, "models/m:embedContent")
    assert (incoming.request, incoming.single) == (EmbedRequest(("a",)), True)
    assert len(incoming.notes) == 2
    found = Embeddings(((0.5, -1.0), (1.0, 2.0)), 7)
    assert vectors.decode_embeddings(vectors.encode_embeddings(found, single=False)) == found
    single = Embeddings(((0.5,),))
    assert vectors.decode_embeddings(vectors.encode_embeddings(single, single=True)) == single
    for body in ({}, {"embeddings": [{}]}, {"embeddings": 1}):
        with pytest.raises(BadReply):
            vectors.decode_embeddings(body)


def test_what_came_with_an_error_is_not_lost() -> None:
    encoder, decoder = gemini.Encoder(HEAD), gemini.Decoder()
    data = encoder.encode(TextDelta("Hel")) + encoder.fail(checks.FAILURE)
    assert decoder.feed(data)[-1] == TextDelta("Hel")
    with pytest.raises(ProviderError, match="no room"):
        decoder.close()


def test_values_of_another_type_are_errors_of_ours() -> None:
    for chunk in json.loads(recorded("array")):
        checks.check_wrong_types(DIALECT, chunk)
    tokens = (ReplyToken(7, b"a", -0.5, (Candidate(8, b"b", -1.0),)),)
    call = ToolCallDelta(0, "c", "f", "{}", Signature("gemini", "c2ln"))
    events = [TextDelta("a", tokens), call, UsageEvent(Usage(1)), Finish("tool_calls")]
    checks.check_wrong_types(DIALECT, gemini.encode_reply(collect(events), HEAD))
    checks.check_wrong_types(DIALECT, {"promptFeedback": {"blockReason": "OTHER"}})
