"""Import all of our package, so that Python keeps bytecode of what it uses and of nothing else.

Half of what libraries bring is never imported here; compiled, it would be 12 MB of the image.
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
with vits_tts.Speech() as speech:  # what is imported when it is used
    speech.say("Xin chào.").encoded("flac")
