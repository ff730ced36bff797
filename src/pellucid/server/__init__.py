"""Pellucid as a server: OpenAI's, Anthropic's, Gemini's and Ollama's APIs, each call with a
receipt.

    request -> admission -> routes -> a face (an API) -> answering -> a model -> its words
"""
