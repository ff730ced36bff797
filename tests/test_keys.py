"""Keys and names of hosts: where keys come from and go, what looks wrong, what names mean."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli_home import Home
from host_server import answer, fails, host
from hosted_models import NOWHERE, settings
from pellucid.errors import MissingKey, SettingsError, UsageError, WrongKey
from pellucid.models import addresses, dotenv, hosts
from pellucid.models.addresses import Origin
from pellucid.models.facts import facts, of_name
from pellucid.models.keys import Endpoint, KeyRing, owners_of, problems

OPENAI = hosts.find("gpt-4.1-mini", {})
assert OPENAI is not None
LONG = "sk-proj-0123456789abcdefghij"


def endpoint(folder: Path = NOWHERE, name: str = "gpt-4.1-mini", **environ: str) -> Endpoint:
    """Where a model is with these variables and the `.env` of `folder`."""
    chosen = settings(dotenv=environ.pop("dotenv", "after"))
    target = hosts.find(name, {})
    assert target is not None
    ring = KeyRing(chosen, {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), **environ}, folder)
    return ring.endpoint(target)


# -- where keys come from and go


def test_the_order_of_the_sources(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_API_KEY=from-dotenv\n")
    both = {"OPENAI_API_KEY": "from-environment"}

    def found(**environ: str) -> tuple[str, str]:
        key = endpoint(tmp_path, **environ).key
        assert key is not None
        return key.value, key.where

    assert found(**both) == ("from-environment", "OPENAI_API_KEY")
    assert found(dotenv="before", **both) == ("from-dotenv", "OPENAI_API_KEY in .env")
    assert found() == ("from-dotenv", "OPENAI_API_KEY in .env")
    ring = KeyRing(settings(), {"XDG_CONFIG_HOME": str(tmp_path)}, NOWHERE)
    ring.store(Origin.of("https://api.openai.com"), "from-store")
    assert found(dotenv="never") == ("from-store", "the key that was stored")
    assert found(dotenv="never", OPENAI_API_KEY="  ") == ("from-store", "the key that was stored")


def test_an_address_of_dotenv_does_not_get_the_key_of_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_BASE_URL=https://evil.example/v1\n")
    taken = endpoint(tmp_path, OPENAI_API_KEY=LONG)
    assert taken.host.base == "https://evil.example/v1"
    assert taken.key is None
    with pytest.raises(MissingKey, match=r"stands in \.env") as caught:
        taken.require_key()
    assert LONG not in str(caught.value)
    assert "keys set https://evil.example" in str(caught.value)
    (tmp_path / ".env").write_text("OPENAI_BASE_URL=https://mine.example\nOPENAI_API_KEY=mine")
    key = endpoint(tmp_path, OPENAI_API_KEY=LONG).key
    assert key is not None
    assert key.value == "mine"


def test_a_stored_key_belongs_to_an_origin(tmp_path: Path) -> None:
    ring = KeyRing(settings(), {"XDG_CONFIG_HOME": str(tmp_path)}, NOWHERE)
    ring.store(Origin.of("https://api.openai.com/v1"), LONG)
    assert endpoint(tmp_path).key is not None
    for other in (
        "https://other.example/v1",
        "http://api.openai.com/v1",
        "https://api.openai.com:8443",
    ):
        assert endpoint(tmp_path, OPENAI_BASE_URL=other).key is None


def test_an_address_in_a_name_gets_the_key_of_its_own_host_alone() -> None:
    environ = {"OPENAI_API_KEY": LONG, "ANTHROPIC_API_KEY": "sk-ant-x"}
    key = endpoint(name="https://api.openai.com/v1#gpt-4.1", **environ).key
    assert key is not None
    assert key.value == LONG
    for name in ("https://api.openai.com.evil.example/v1#m", "http://api.openai.com/v1#m"):
        assert endpoint(name=name, **environ).key is None


def test_a_key_that_no_header_can_carry_is_not_sent() -> None:
    for value in ("sk-a\nX-Evil: 1", "sk-ключ", "sk-\x00"):
        with pytest.raises(WrongKey) as caught:
            endpoint(OPENAI_API_KEY=value).require_key()
        assert value not in str(caught.value)


def test_the_stored_keys_are_the_users_alone(tmp_path: Path) -> None:
    ring = KeyRing(settings(), {"XDG_CONFIG_HOME": str(tmp_path)}, NOWHERE)
    ring.store(Origin.of("https://api.openai.com"), LONG)
    assert stat.S_IMODE(ring.file.stat().st_mode) == 0o600
    assert not ring.readable_by_others()
    ring.file.chmod(0o644)
    assert ring.readable_by_others()
    ring.store(Origin.of("https://api.x.ai"), "another")
    assert stat.S_IMODE(ring.file.stat().st_mode) == 0o600
    assert len(ring.stored()) == 2
    for damage in (f'{{"https://api.openai.com": "{LONG}"', '["a"]', '{"a": 1}'):
        ring.file.write_text(damage)
        with pytest.raises(SettingsError) as caught:
            ring.stored()
        assert LONG not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "host_name", "wrong"),
    [
        (LONG, "openai", []),
        (f" {LONG}\t", "openai", ["blanks, tabs or line ends around it"]),
        (f'"{LONG}"', "openai", ["quotes kept in"]),
        ("sk-ant-api03-abc", "openai", ["begins like a key of anthropic"]),
        ("sk-or-v1-abc", "openai", ["begins like a key of openrouter"]),
        ("gsk_abc", "anthropic", ["begins like a key of groq"]),
        (LONG, "deepseek", []),
        (LONG, "groq", ["begins like a key of openai"]),
        ("your-api-key", "openai", ["a placeholder, not a key"]),
        ("Bearer sk-abc", "openai", ["a blank inside", "“Bearer” kept in"]),
        ("anything", "together", []),
    ],
)
def test_what_looks_wrong(value: str, host_name: str, wrong: list[str]) -> None:
    row = hosts.host(host_name)
    assert row is not None
    assert problems(value, row) == wrong


def test_the_owners_of_a_prefix() -> None:
    assert [row.name for row in owners_of("sk-ant-1")] == ["anthropic"]
    assert "openai" in [row.name for row in owners_of("sk-1")]
    assert owners_of("nothing known") == []


# -- .env


def test_dotenv_lines() -> None:
    text = (
        "\ufeffA=1\r\nexport B = 'x # y' # note\nC=\"a\\nb\"\nD=foo # bar\nE=\nF=a#b\n"
        " G = s p \n#H=1\n"
        'I="un\nJ="two\nlines"\nnonsense\nK=last'
    )
    found = dotenv.parse(text)
    assert found["B"] == "x # y"
    assert (found["A"], found["C"], found["D"], found["E"]) == ("1", "a\nb", "foo", "")
    assert (found["F"], found["G"], found["K"]) == ("a#b", "s p", "last")
    assert "H" not in found


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z_]{0,8}", fullmatch=True), st.text(max_size=30)))
def test_dotenv_reads_what_was_quoted(values: dict[str, str]) -> None:
    kept = {name: value.replace("\r", "") for name, value in values.items()}

    def quoted(value: str) -> str:
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    text = "".join(f"{name}={quoted(value)}\n" for name, value in kept.items())
    assert dotenv.parse(text) == kept


@given(st.text(max_size=200))
def test_dotenv_takes_anything(text: str) -> None:
    dotenv.parse(text)


# -- names


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("gpt-4.1-mini", ("openai:gpt-4.1-mini", "openai", "gpt-4.1-mini")),
        ("openai/gpt-4.1-mini", ("openai:gpt-4.1-mini", "openai", "gpt-4.1-mini")),
        ("claude-haiku-4-5", ("anthropic:claude-haiku-4-5", "anthropic", "claude-haiku-4-5")),
        ("gemini:gemini-2.5-pro", ("gemini:gemini-2.5-pro", "gemini", "gemini-2.5-pro")),
        ("google/gemini-2.5-pro", ("gemini:gemini-2.5-pro", "gemini", "gemini-2.5-pro")),
        ("ollama:llama3.2:1b", ("ollama:llama3.2:1b", "ollama", "llama3.2:1b")),
        ("openrouter/openai/gpt-4o", ("openrouter:openai/gpt-4o", "openai", "openai/gpt-4o")),
        ("Groq:X", ("groq:X", "openai", "X")),
        ("https://h.example/v1#a/b", ("https://h.example/v1#a/b", "openai", "a/b")),
        ("https://api.anthropic.com/v1#c", ("https://api.anthropic.com/v1#c", "anthropic", "c")),
        ("openai/gpt-oss-20b", None),
        ("gpt-oss-20b", None),
        ("meta-llama/Llama-3.2-1B", None),
        ("mistralai/Mistral-7B", None),
        ("./models/gpt.gguf", None),
        ("/home/me/openai/x.gguf", None),
        ("gpt2", None),
        ("o100", None),
        ("o3-mini", ("openai:o3-mini", "openai", "o3-mini")),
    ],
)
def test_what_names_mean(name: str, found: tuple[str, str, str] | None) -> None:
    target = hosts.find(name, {})
    if found is None:
        assert target is None
    else:
        assert target is not None
        assert (target.name, target.host.dialect, target.model) == found


@pytest.mark.parametrize(
    "name",
    ["openai:", "https://h/v1", "https://me:pw@h/v1#m", "https://h/v1?key=k#m", "file:///x#m"],
)
def test_names_that_cannot_be(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        hosts.find(name, {})
    assert "pw" not in str(caught.value).replace("pwd", "")


def test_a_file_of_this_machine_reads_no_table_of_hosts(home: Home) -> None:
    script = (
        "import sys\n"
        "from pellucid.models.names import hosted\n"
        "from pellucid.settings import load\n"
        "print(hosted('local', load()), hosted(__import__('os').__file__, load()))\n"
        "print([n for n in sys.modules if 'hosts' in n or n in ('http.client', 'ssl')])\n"
    )
    assert home.python(script).stdout == "None None\n[]\n"


def test_rows_of_the_settings() -> None:
    rows = {
        "work": {"base": "https://llm.example/v1", "key": "WORK_KEY", "model": "big", "window": 9},
        "claude": {"host": "anthropic", "model": "claude-haiku-4-5"},
        "proxy": {"host": "openai", "base": "https://proxy.example/v1"},
        "fast": {"alias": "groq:llama"},
        "faster": {"alias": "fast"},
    }
    work = hosts.find("work", rows)
    assert work is not None
    assert (work.host.keys, work.model, work.window) == (("WORK_KEY",), "big", 9)
    claude = hosts.find("claude", rows)
    assert claude is not None
    assert claude.host.keys == ("ANTHROPIC_API_KEY",)
    proxy = hosts.find("proxy", rows)
    assert proxy is not None
    assert proxy.host.keys == ()  # OpenAI's key is not taken elsewhere unless the row says so
    assert hosts.follow("faster", rows) == "groq:llama"


@pytest.mark.parametrize(
    "row",
    [
        {"alias": "x", "model": "y"},
        {"alias": "bad"},
        {"model": "m"},
        {"host": "nobody"},
        {"base": "https://h", "colour": "red"},
        {"base": "https://h", "window": "big"},
        {"base": "https://h", "window": True},
        {"base": "nonsense"},
        {"base": "https://h", "dialect": "french"},
    ],
)
def test_rows_that_cannot_be(row: dict[str, object]) -> None:
    with pytest.raises((SettingsError, UsageError)):
        hosts.find(hosts.follow("bad", {"bad": row}), {"bad": row})


@pytest.mark.parametrize(
    ("text", "base"),
    [
        ("", "http://127.0.0.1:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("localhost", "http://localhost:11434"),
        (":9999", "http://127.0.0.1:9999"),
        ("1.2.3.4:5", "http://1.2.3.4:5"),
        ("https://h.example", "https://h.example:443"),
        ("http://h.example", "http://h.example:80"),
        ("http://h.example:1/p", "http://h.example:1/p"),
        ("[::]:3", "http://[::1]:3"),
        ("::1", "http://[::1]:11434"),
        ('"quoted"', "http://quoted:11434"),
        ("h:99999", "http://h:11434"),
    ],
)
def test_ollama_host_in_its_odd_forms(text: str, base: str) -> None:
    assert addresses.ollama(text) == base


def test_addresses_of_variables() -> None:
    claude = endpoint(name="claude-haiku-4-5", ANTHROPIC_BASE_URL="http://127.0.0.1:4000/")
    assert claude.host.base == "http://127.0.0.1:4000/v1"
    same = endpoint(name="claude-haiku-4-5", ANTHROPIC_BASE_URL="https://p.example/v1")
    assert same.host.base == "https://p.example/v1"
    assert endpoint(name="ollama:x", OLLAMA_HOST="0.0.0.0").host.base == "http://127.0.0.1:11434"
    key = endpoint(name="gemini:x", GOOGLE_API_KEY="AIza-google").key
    assert key is not None
    assert key.where == "GOOGLE_API_KEY"
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL"):
        endpoint(OPENAI_BASE_URL="not an address")


@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("localhost", True),
        ("LOCALHOST.", True),
        ("a.localhost", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost.example.com", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("2130706433", False),
    ],
)
def test_what_is_this_machine(name: str, here: bool) -> None:
    assert addresses.is_loopback(name) is here


# -- the command


@pytest.fixture
def home(tmp_path: Path, weights_folder: Path) -> Home:
    return Home(tmp_path, weights_folder)


def test_the_command(home: Home) -> None:
    assert "No key is set" in home.run("keys").stdout
    done = home.run("keys", "set", "anthropic", stdin=f"  {LONG}\n")
    assert done.returncode == 0
    assert LONG not in done.stdout + done.stderr
    assert "begins like a key of openai" in done.stderr
    listed = home.run("keys", "--json", env={"GROQ_API_KEY": '"gsk_0123456789abcdef"\t'})
    rows = json.loads(listed.stdout)
    assert [(r["host"], r["source"], r["begins"]) for r in rows] == [
        ("anthropic", "stored", "sk-proj…"),
        ("groq", "environment", '"gsk_…'),
    ]
    assert len(rows[1]["problems"]) == 2
    assert LONG not in listed.stdout
    assert home.run("keys", "remove", "anthropic").returncode == 0
    assert home.run("keys", "remove", "anthropic").returncode == 1
    for words in (("set",), ("set", "nobody"), ("set", "openai")):
        assert home.run("keys", *words).returncode == 2


def test_the_command_checks(home: Home) -> None:
    names = answer(b'{"data": [{"id": "m"}]}')
    with host(names) as good, host(fails("openai", 401, "Wrong.")) as bad:
        env = {
            "OPENAI_API_KEY": LONG,
            "OPENAI_BASE_URL": f"{good.base}/v1",
            "DEEPSEEK_API_KEY": LONG,
            "DEEPSEEK_BASE_URL": bad.base,
        }
        done = home.run("keys", "--check", "--json", env=env)
        assert done.returncode == 1
        found = {row["host"]: row["check"] for row in json.loads(done.stdout)}
        assert found["openai"] == "accepted"
        assert "refused DEEPSEEK_API_KEY" in found["deepseek"]
        assert home.run("models", "openai", env=env).stdout == "openai:m\n"


def test_what_is_known_of_a_model(home: Home) -> None:
    known = json.loads(home.run("models", "gpt-4.1-mini", "--json").stdout)
    assert (known["tools"], known["window"], known["cutoff"]) == (True, 1_047_576, "2024-06")
    assert known["price"]["input"] == "0.4"
    text = home.run("models", "ollama:nobody-knows").stdout
    assert text.count("unknown") >= 6
    listed = json.loads(home.run("models", "--json").stdout)
    assert {"openai", "ollama", "vllm"} <= {row["name"] for row in listed}


def test_a_row_of_the_settings_answers(home: Home) -> None:
    from host_server import says

    with host(says("anthropic", "It works.")) as server:
        folder = Path(home.environ["XDG_CONFIG_HOME"]) / "pellucid"
        folder.mkdir(parents=True)
        (folder / "pellucid.toml").write_text(
            f'[models.mine]\nbase = "{server.base}"\ndialect = "anthropic"\nkey = "K"\n'
            '[models.nick]\nalias = "mine"\n'
        )
        done = home.run("ask", "-m", "nick", "Hi", env={"K": LONG})
        assert done.stdout == "It works.\n", done.stderr
        assert server.asked[0].headers["x-api-key"] == LONG
        assert home.run("ask", "-c", "More", env={"K": LONG}).stdout == "It works.\n"


@pytest.mark.parametrize(
    ("name", "window", "cutoff"),
    [
        ("gpt-4.1-mini-2025-04-14", 1_047_576, "2024-06"),
        ("openrouter/openai/gpt-4o", 128_000, "2023-10"),
        ("claude-haiku-4-5-20251001", 200_000, "2025-02"),
        ("gemini-2.5-pro", 1_048_576, "2025-01"),
        ("ollama:llama3.2:1b", 131_072, "2023-12"),
        ("ollama:of-nobody", None, None),
    ],
)
def test_facts_of_models(name: str, window: int | None, cutoff: str | None) -> None:
    target = hosts.find(name, {})
    assert target is not None
    known = facts(target)
    assert (known.window, known.cutoff) == (window, cutoff)


def test_what_a_model_is_called_tells_its_dialect_of_its_ways() -> None:
    assert "no-adaptive" in of_name("claude-sonnet-4-5").traits
    assert "no-sampling" in of_name("claude-opus-4-7").traits
    assert "thinking-budget" in of_name("gemini-2.5-flash").traits
    assert of_name("gpt-4o").thinking is False
    assert of_name("nobody").tools is None


def test_what_is_at_a_host_cannot_be_fetched(home: Home) -> None:
    done = home.run("pull", "gpt-4.1-mini")
    assert done.returncode == 2
    assert "answered by openai" in done.stderr
