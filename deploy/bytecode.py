"""Imports the whole package, so that Python compiles only the modules that it uses.

Half of the modules of libraries are never imported; compiled, they would add 12 MB to the image.
"""

import pkgutil
from importlib import import_module

import vits_tts

EXTRAS = {"av", "opentelemetry"}

for module in pkgutil.walk_packages(vits_tts.__path__, "vits_tts."):
    if module.name.endswith("__main__"):
        continue
    try:
        import_module(module.name)
    except ModuleNotFoundError as problem:
        if (problem.name or "").split(".")[0] not in EXTRAS:
            raise
with vits_tts.Speech() as speech:  # also import the modules that are imported at their first use
    speech.say("Xin chào.").encoded("flac")
