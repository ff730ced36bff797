"""The cells a beginner's course has for each API, run as they are: only the address is changed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from pellucid.messages import Message, ToolCall, text_message
from pellucid.models.scripted import Scripted
from served import served

pytestmark = pytest.mark.timeout(60)

SETUP = """
system_message = "You are a helpful assistant for an airline."
prompt = "How much is a ticket to Paris?"
messages = [
    {"role": "system", "content": system_message},
    {"role": "user", "content": prompt},
]
"""
OPENAI = """
import json
from openai import OpenAI
openai = OpenAI(base_url="https://api.openai.com/v1", api_key="sk-proj-mine")
MODEL = "gpt-4o-mini"
"""
CELLS: dict[str, str] = {
    "openai chat": """
response = openai.chat.completions.create(model=MODEL, messages=messages)
print(response.choices[0].message.content)
""",
    "openai streaming": """
stream = openai.chat.completions.create(model=MODEL, messages=messages, stream=True)
response = ""
for chunk in stream:
    response += chunk.choices[0].delta.content or ''
print(response)
""",
    "openai JSON mode": """
response = openai.chat.completions.create(
    model=MODEL,
    messages=[
        {"role": "system", "content": "Respond in JSON."},
        {"role": "user", "content": "Which links are relevant?"},
    ],
    response_format={"type": "json_object"},
)
result = response.choices[0].message.content
print(json.loads(result)["links"])
""",
    "openai tools": """
ticket_prices = {"london": "$799", "paris": "$899"}

def get_ticket_price(destination_city):
    return ticket_prices.get(destination_city.lower(), "Unknown")

price_function = {
    "name": "get_ticket_price",
    "description": "Get the price of a return ticket to the destination city.",
    "parameters": {
        "type": "object",
        "properties": {
            "destination_city": {
                "type": "string",
                "description": "The city that the customer wants to travel to",
            },
        },
        "required": ["destination_city"],
        "additionalProperties": False
    }
}
tools = [{"type": "function", "function": price_function}]

def handle_tool_call(message):
    tool_call = message.tool_calls[0]
    arguments = json.loads(tool_call.function.arguments)
    city = arguments.get('destination_city')
    price = get_ticket_price(city)
    response = {
        "role": "tool",
        "content": json.dumps({"destination_city": city, "price": price}),
        "tool_call_id": tool_call.id
    }
    return response, city

response = openai.chat.completions.create(model=MODEL, messages=messages, tools=tools)
if response.choices[0].finish_reason == "tool_calls":
    message = response.choices[0].message
    response, city = handle_tool_call(message)
    messages.append(message)
    messages.append(response)
    response = openai.chat.completions.create(model=MODEL, messages=messages)
print(response.choices[0].message.content)
""",
    "anthropic create": """
import anthropic
claude = anthropic.Anthropic(base_url="https://api.anthropic.com", api_key="sk-ant-mine")
message = claude.messages.create(
    model="claude-3-5-sonnet-latest",
    max_tokens=200,
    system=system_message,
    messages=[
        {"role": "user", "content": prompt},
    ],
)
print(message.content[0].text)
""",
    "anthropic stream": """
import anthropic
claude = anthropic.Anthropic(base_url="https://api.anthropic.com", api_key="sk-ant-mine")
result = claude.messages.stream(
    model="claude-3-5-sonnet-latest",
    max_tokens=200,
    system=system_message,
    messages=[
        {"role": "user", "content": prompt},
    ],
)
with result as stream:
    for text in stream.text_stream:
        print(text, end="", flush=True)
""",
    "requests": """
import requests
OLLAMA_API = "http://localhost:11434/api/chat"
HEADERS = {"Content-Type": "application/json"}
MODEL = "llama3.2"
payload = {
    "model": MODEL,
    "messages": messages,
    "stream": False
}
response = requests.post(OLLAMA_API, json=payload, headers=HEADERS)
print(response.json()['message']['content'])
""",
    "ollama": """
import ollama
response = ollama.chat(model="llama3.2", messages=messages)
print(response['message']['content'])
""",
    "ollama, streamed": """
import ollama
stream = ollama.chat(model="llama3.2", messages=messages, stream=True)
for chunk in stream:
    print(chunk['message']['content'], end='', flush=True)
""",
    "openai on ollama": """
from openai import OpenAI
ollama_via_openai = OpenAI(base_url='http://localhost:11434/v1', api_key='ollama')
response = ollama_via_openai.chat.completions.create(model="llama3.2", messages=messages)
print(response.choices[0].message.content)
""",
    "openai on gemini": """
from openai import OpenAI
gemini_via_openai_client = OpenAI(
    api_key="AIza-mine",
    base_url="https://generativelanguage.googleapis.com/v1beta/openai/"
)
response = gemini_via_openai_client.chat.completions.create(
    model="gemini-1.5-flash",
    messages=messages
)
print(response.choices[0].message.content)
""",
    "google-genai": """
from google import genai
from google.genai import types
client = genai.Client(
    api_key="AIza-mine",
    http_options={"base_url": "https://generativelanguage.googleapis.com"},
)
response = client.models.generate_content(
    model="gemini-2.5-flash",
    contents=prompt,
    config=types.GenerateContentConfig(system_instruction=system_message),
)
print(response.text)
""",
    "httpx": """
import httpx
response = httpx.post(
    "https://api.openai.com/v1/chat/completions",
    headers={"Authorization": "Bearer sk-proj-mine"},
    json={"model": "gpt-4o-mini", "messages": messages},
)
print(response.json()["choices"][0]["message"]["content"])
""",
    "openai embeddings": """
response = openai.embeddings.create(model="text-embedding-3-small", input="a ticket to Paris")
print(len(response.data[0].embedding))
""",
    "openai responses": """
response = openai.responses.create(model=MODEL, instructions=system_message, input=prompt)
print(response.output_text)
""",
}
ADDRESSES = (
    "https://api.openai.com",
    "https://api.anthropic.com",
    "https://generativelanguage.googleapis.com",
    "http://localhost:11434",
)


class Clerk(Scripted):
    """Looks the price up when it has a tool, writes JSON when asked to, and says so otherwise."""

    def __init__(self) -> None:
        super().__init__([], name="clerk")

    def stream(self, request: Any, prompt: Any) -> Any:
        reply = text_message("assistant", "A ticket to Paris is $899.")
        if request.response_format is not None:
            reply = text_message("assistant", '{"links": ["about", "careers"]}')
        elif request.tools:
            call = ToolCall("call_1", "get_ticket_price", '{"destination_city": "Paris"}')
            reply = Message("assistant", (call,))
        return Scripted([reply], name=self.name).stream(request, prompt)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served({"clerk": Clerk()}, default="clerk") as server:
        yield server.base


@pytest.mark.parametrize("cell", CELLS)
def test_a_cell(
    cell: str, base: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", base)
    monkeypatch.delitem(sys.modules, "ollama", raising=False)  # it reads its address once
    for address in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.delenv(address, raising=False)
    code = (
        SETUP + (OPENAI if cell.startswith("openai ") and " on " not in cell else "") + CELLS[cell]
    )
    for address in ADDRESSES:
        code = code.replace(address, base)
    exec(compile(code, cell, "exec"), {})
    said = capsys.readouterr().out.strip()
    expected = {"openai JSON mode": "['about', 'careers']", "openai embeddings": "384"}
    assert said == expected.get(cell, "A ticket to Paris is $899.")
