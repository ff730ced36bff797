"""Every error a user can meet, in one tree.

    PellucidError
    ├── UsageError            the call itself is wrong: a bad option, an empty message
    │   └── NotInstalled      it needs an extra of the package; names the command
    ├── SettingsError         a setting or the settings file cannot be used
    ├── ModelError
    │   ├── UnknownModel      no model of that name; carries the nearest names
    │   ├── ModelUnavailable  known, but every source failed; carries what was tried
    │   └── BadModelFile      truncated, mutated or not a model file
    ├── WeightsError          fetching failed; nothing half-written is left behind
    │   └── ChecksumMismatch  what arrived is not what was promised; it was removed
    ├── TemplateError         the chat template is broken, endless or reaches outside
    │   └── UnknownTemplate   no family of templates of that name; carries the nearest names
    ├── TokenError            text or ids that the vocabulary cannot take
    │   ├── UnsupportedVocabulary  of a kind that is not read here; the engine's is used
    │   ├── UnpublishedVocabulary  its maker publishes none; carries whose model it is
    │   └── BrokenVocabulary       a built vocabulary on disk that must be built again
    ├── PromptTooLong         does not fit the context window; carries the counts
    ├── EngineError           native inference failed
    │   ├── EngineStartError  it would not start
    │   ├── EngineStopped     it crashed or was stopped during a reply
    │   │   └── EngineFrozen  its process lives but no longer answers
    │   └── EngineRefused     it answered a request with an error
    ├── WebError              a page could not be had; carries its address
    │   ├── AddressRefused    it may not be reached: not public, or the site asks robots to stay out
    │   └── NothingToRead     it came, but there is no text in it: an image, an empty page
    ├── CannotExpress         an API has no way to say a part of the request; names both
    ├── BadRequest            a request that came in cannot be read; names the field
    ├── ProviderError         a provider did not answer as asked; carries its status and code
    │   ├── MissingKey        no key is set; nothing was sent
    │   ├── WrongKey          the key was refused
    │   ├── NotPermitted      the key may not do this
    │   ├── NotFound          the host has no such model or address
    │   ├── Rejected          the host refused the request as it was written
    │   ├── QuotaExceeded     the account has nothing left
    │   ├── RateLimited       too many calls, retries included
    │   ├── Overloaded        the host cannot take more, retries included
    │   ├── ServerFault       the host failed
    │   ├── BadReply          what came back is not the API: a proxy's page, invalid JSON
    │   ├── Unreachable       no connection: no such host, refused, a certificate, a redirect
    │   │   ├── CertificateFailed
    │   │   └── RedirectRefused
    │   └── Stalled           the host stopped sending
    ├── IncompleteReply       a stream ended without its finish event
    ├── UnfitReply            a reply that was to fit a JSON schema does not; carries its text
    ├── BadArguments          a model called a tool with arguments that do not fit it
    ├── BudgetSpent           agents may make no more calls, or use no more tokens
    └── StoreError            the receipt store cannot be used
        ├── StoreTooNew       written by a newer Pellucid; not touched
        └── ReceiptNotFound

A message says what happened, to what, and what to do next.
"""

from __future__ import annotations


class PellucidError(Exception):
    """Base of all errors raised on purpose. `exit_code` is what the command line returns."""

    exit_code = 1


class UsageError(PellucidError):
    exit_code = 2


class NotInstalled(UsageError):
    """The packages of the extra called `extra` are not here; `what` cannot be done without."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        self.extra = extra
        super().__init__(f"{what} needs the package {package}: pip install 'pellucid[{extra}]'.")


class SettingsError(PellucidError):
    exit_code = 2


class ModelError(PellucidError):
    pass


MODELS = "`pellucid models` lists what can be used; a path to a GGUF file works too."


class UnknownModel(ModelError):
    """No model has this name.

    `near` holds the closest known names, best first; `instead` is a sentence on what else there
    is to name.
    """

    def __init__(self, name: str, near: tuple[str, ...] = (), instead: str = MODELS) -> None:
        self.name = name
        self.near = near
        hint = f" Near it: {', '.join(near)}." if near else ""
        super().__init__(f"No model is called {name!r}.{hint} {instead}")


class ModelUnavailable(ModelError):
    """Every source of a known model failed.

    `tried` holds one line for each source: where, and why not.
    """

    def __init__(self, name: str, tried: tuple[str, ...]) -> None:
        self.name = name
        self.tried = tried
        lines = "".join(f"\n  {line}" for line in tried)
        super().__init__(f"{name} could not be had from any source:{lines}")


class BadModelFile(ModelError):
    pass


class WeightsError(PellucidError):
    pass


class ChecksumMismatch(WeightsError):
    pass


class TemplateError(PellucidError):
    pass


class UnknownTemplate(TemplateError):
    """No family of chat templates has this name.

    `near` holds the closest known names, best first; where none is close, the message lists
    `known`.
    """

    def __init__(self, name: str, near: tuple[str, ...] = (), known: tuple[str, ...] = ()) -> None:
        self.name = name
        self.near = near
        hint = f" Near it: {', '.join(near)}." if near else f" Known are {', '.join(known)}."
        super().__init__(
            f"No chat template is known by the name {name!r}.{hint} A GGUF file, a "
            "tokenizer_config.json or a .jinja file works too."
        )


class TokenError(PellucidError):
    pass


class UnsupportedVocabulary(TokenError):
    pass


class UnpublishedVocabulary(TokenError):
    """The maker of this model publishes no tokenizer. `maker` is who that is; `estimated` says
    whether its counts can be estimated here."""

    def __init__(self, name: str, maker: str, *, estimated: bool) -> None:
        self.name = name
        self.maker = maker
        self.estimated = estimated
        super().__init__(
            f"{maker} publishes no tokenizer for {name}: "
            + (
                "its tokens cannot be shown; `pellucid tokens count` estimates how many they are."
                if estimated
                else "its tokens can neither be shown nor, as nothing was measured, estimated here."
            )
        )


class BrokenVocabulary(TokenError):
    pass


class PromptTooLong(PellucidError):
    """The prompt and the room asked for the answer exceed the context window.

    `prompt_tokens`, `window` and `reserve` (the least room kept for the answer) are in tokens.
    """

    def __init__(self, message: str, *, prompt_tokens: int, window: int, reserve: int) -> None:
        self.prompt_tokens = prompt_tokens
        self.window = window
        self.reserve = reserve
        super().__init__(message)


class EngineError(PellucidError):
    pass


class EngineStartError(EngineError):
    pass


class EngineStopped(EngineError):
    pass


class EngineFrozen(EngineStopped):
    pass


class EngineRefused(EngineError):
    pass


class WebError(PellucidError):
    """`url` is the address that was asked for; `status` what the server answered, if it did."""

    def __init__(self, url: str, message: str, status: int | None = None) -> None:
        self.url = url
        self.status = status
        super().__init__(message)


class AddressRefused(WebError):
    pass


class NothingToRead(WebError):
    pass


class CannotExpress(PellucidError):
    """`field` of a request cannot be said in the API called `api`."""

    exit_code = 2

    def __init__(self, field: str, api: str, what_to_do: str) -> None:
        self.field = field
        self.api = api
        super().__init__(f"{api} has no way to say {field}. {what_to_do}")


class BadRequest(PellucidError):
    """A request that came in over the wire cannot be read. `field` is where, as the API names it:
    `messages[0].content`."""

    exit_code = 2

    def __init__(self, message: str, field: str | None = None) -> None:
        self.field = field
        super().__init__(message)


class ProviderError(PellucidError):
    """`status` is the HTTP status, `code` the provider's own word; `None`: it said none."""

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        self.status = status
        self.code = code
        super().__init__(message)


class MissingKey(ProviderError):
    pass


class WrongKey(ProviderError):
    pass


class NotPermitted(ProviderError):
    pass


class NotFound(ProviderError):
    pass


class Rejected(ProviderError):
    pass


class QuotaExceeded(ProviderError):
    pass


class RateLimited(ProviderError):
    pass


class Overloaded(ProviderError):
    pass


class ServerFault(ProviderError):
    pass


class BadReply(ProviderError):
    pass


class Unreachable(ProviderError):
    pass


class CertificateFailed(Unreachable):
    pass


class RedirectRefused(Unreachable):
    pass


class Stalled(ProviderError):
    pass


class IncompleteReply(PellucidError):
    pass


class UnfitReply(PellucidError):
    """A reply that was to fit a schema does not. `text` is all of it."""

    def __init__(self, problem: str, text: str) -> None:
        self.problem = problem
        self.text = text
        super().__init__(
            f"The reply does not fit the schema: {problem}. A larger model, a larger max_tokens or "
            f"a simpler schema may help. It said:\n{text}"
        )


class BadArguments(PellucidError):
    """The arguments of a call do not fit its tool; the model is told."""


class BudgetSpent(PellucidError):
    """The next call of a run of agents would go over its budget; it was not made."""


class StoreError(PellucidError):
    pass


class StoreTooNew(StoreError):
    pass


class ReceiptNotFound(StoreError):
    pass
